import SystemPackage
import TestSupport
import Testing

/// `tree --svg` and `tree --dot`, read by programs that know these languages.
@Suite("Pictures of the tree", .requiresRoot)
struct TreePictureTests {
  private static let nasty = #"</text> & "a" \n \N é日本 '"# + "\u{1B}[31m\u{FFFE}"

  /// The classes and the texts of each node, in the order of the picture.
  private func nodes(of svg: String) throws -> [String] {
    let program = """
      import sys, xml.etree.ElementTree as tree
      name = "{http://www.w3.org/2000/svg}"
      root = tree.fromstring(sys.stdin.buffer.read())
      assert root.tag == name + "svg" and root.get("width") and root.get("height")
      for group in root.findall(name + "g"):
        rect, texts = group.find(name + "rect"), group.findall(name + "text")
        assert float(rect.get("x")) + float(rect.get("width")) < float(root.get("width"))
        assert float(rect.get("y")) + float(rect.get("height")) < float(root.get("height"))
        print(rect.get("class"), *("".join(text.itertext()) for text in texts), sep="|")
      """
    return try run(["python3", "-c", program], input: svg).expectSuccess().stdout.lines
  }

  @Test func eachNodeHasItsStates() throws {
    let disk = try BootDisk()
    let store = disk.store
    try store.ast("clone", "0", Self.nasty).expectSuccess()
    try store.ast("branch", "2", "below").expectSuccess()
    try store.ast("tag", "3", "mine").expectSuccess()
    try store.ast("tag", "3@1", "first").expectSuccess()
    try store.ast("deploy", "1").expectSuccess()
    let svg = try store.ast("tree", "--svg").expectSuccess().stdout
    let shown = #"</text> & "a" \n \N é日本 '␛[31m"# + "\u{FFFD}"
    #expect(
      try nodes(of: svg) == [
        "node|0  base snapshot|generation 1", "node byDefault|1  one|generation 2, default",
        "node|2  \(shown)|generation 1",
        "node tagged|3  below|generation 1, tag first (3@1), tag mine",
      ])
    #expect(svg.contains("@media (prefers-color-scheme: dark)"))
    let dot = try store.ast("tree", "--dot").expectSuccess().stdout
    let drawn = try run(["dot", "-Tsvg"], input: dot).expectSuccess().stdout
    let program = """
      import sys, xml.etree.ElementTree as tree
      name = "{http://www.w3.org/2000/svg}"
      for group in tree.fromstring(sys.stdin.buffer.read()).iter(name + "g"):
        if group.get("class") in ("node", "edge"):
          print(group.find(name + "title").text, *(text.text for text in group.findall(name + "text")), sep="|")
      """
    let texts = try run(["python3", "-c", program], input: drawn).expectSuccess().stdout.lines
      .map { $0.replacing("\u{A0}", with: " ") }
    #expect(
      Set(texts) == [
        "n0|0  base snapshot|generation 1", "n1|1  one|generation 2, default", "n2|2  \(shown)|generation 1",
        "n3|3  below|generation 1, tag first (3@1), tag mine", "n2->n3",
      ])
  }

  @Test func manyLevelsAndALongTextFit() throws {
    let store = try TestStore()
    try store.ast("clone", "0", String(repeating: "long ", count: 40)).expectSuccess()
    for node in 1...30 { try store.ast("branch", "\(node)", "level \(node)").expectSuccess() }
    let texts = try nodes(of: store.ast("tree", "--svg").expectSuccess().stdout)
    #expect(texts.count == 32 && texts[1].contains("…|") && texts[31].contains("31  level 30"))
    #expect(try store.astAsNobody(["tree", "--svg"]).stdout == store.ast("tree", "--svg").stdout)
  }

  @Test func oneFormIsPrinted() throws {
    let store = try TestStore()
    for options in [["--svg", "--dot"], ["--svg", "--long"], ["--dot", "--json"]] {
      #expect(try store.ast(["tree"] + options).status == 2, "\(options)")
    }
  }
}
