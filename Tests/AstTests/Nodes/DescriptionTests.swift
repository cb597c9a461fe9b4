import SystemPackage
import TestSupport
import Testing

/// Texts for descriptions, each of which some program has once mangled.
private let texts = [
  "plain", "  spaces  around  ", "it's \"quoted\" `so` $HOME $(id)", "a\nb\r\nc\n", "\ttabs\t",
  "\u{1B}[31mred\u{1B}[0m",
  "\u{1B}]0;title\u{07}", "\u{9B}31m", "bell\u{07}\u{08}\u{7F}", "%s %n %d {} {0}", "back\\slash \\n \\", "日本語の説明",
  "👩‍👩‍👧 🏳️‍🌈", "e\u{301} a\u{30A}\u{323}", "\u{202E}txet", "\u{2028}line\u{2029}", "ﷺ", "-", "└── 9 - fake",
  "';DROP TABLE node;--",
  "",
]

@Suite("Descriptions", .requiresRoot)
struct DescriptionTests {
  /// Anything may stand in the fields of a node's package database.
  @Test func namesAndVersionsOfPackagesAreShownInOneLine() throws {
    let store = try TestStore()
    try store.ast("clone", "0").expectSuccess()
    let status =
      "\nPackage: e\u{1B}[31mvil\nStatus: install ok installed\nArchitecture: a\u{9B}ll\nVersion: 1\u{202E}2\u{7}\n"
    try store.ast("run", "1", "sh", "-c", "cat >>/var/lib/dpkg/status", input: status).expectSuccess()
    let shown = "e␛[31mvil:a\u{FFFD}ll 1\u{FFFD}2␇"
    #expect(try store.ast("list", "1").expectSuccess().stdout.contains("\(shown)\n"))
    #expect(try store.ast("diff", "0", "1").expectSuccess().stdout.contains("+ \(shown)\n"))
    #expect(try store.ast("which", "e\u{1B}[31mvil").expectSuccess().stdout == "1 - clone of 0: \(shown)\n")
  }

  @Test func areStoredByteForByteAndShownInOneLine() throws {
    let store = try TestStore()
    for (index, text) in texts.enumerated() {
      try store.ast("clone", "0", "--", text).expectSuccess()
      let described = try store.ast("info", "\(index + 1)", "--json").json["data"]["description"]
      guard case .text(let kept) = described else {
        Issue.record("no description: \(described)")
        continue
      }
      #expect(Array(kept.utf8) == Array(text.utf8))
    }
    let tree = try store.ast("tree").expectSuccess().stdout
    let long = try store.ast("tree", "--long").expectSuccess().stdout
    let history = try store.ast("history").expectSuccess().stdout
    #expect(tree.split(separator: "\n").count == texts.count + 2)
    #expect(long.split(separator: "\n").count == texts.count + 3)
    #expect(history.split(separator: "\n").count == texts.count + 2)
    for output in [tree, long, history, try store.ast("info", "6").stdout, try store.ast("del", "-n", "7").stdout] {
      #expect(!output.unicodeScalars.contains { ($0.value < 0x20 && $0 != "\n") || (0x7F..<0xA0).contains($0.value) })
      #expect(!output.unicodeScalars.contains { (0x2028...0x202E).contains($0.value) })
    }
    // Every node is in the same column, whatever the other descriptions are.
    for line in tree.split(separator: "\n").dropFirst() {
      #expect(line.hasPrefix("├── ") || line.hasPrefix("└── "), "\(line)")
    }
    let lines = long.split(separator: "\n")
    let column = lines[0].utf8.count - "TREE".utf8.count
    #expect(lines[1].utf8.dropFirst(column).elementsEqual("root".utf8))
    for line in lines.dropFirst(2) {
      let drawn = String(decoding: line.utf8.dropFirst(column), as: UTF8.self)
      #expect(drawn.hasPrefix("├── ") || drawn.hasPrefix("└── "), "\(line)")
    }
  }

  @Test func areSetAnewAndTakenAway() throws {
    let store = try TestStore()
    try store.ast("clone", "0", "several", "words").expectSuccess()
    #expect(try store.ast("info", "1", "--json").json["data"]["description"] == .text("several words"))
    for (arguments, text) in [
      (["two", "words"], "two words"), (["two  words"], "two  words"), (["--", "--json"], "--json"),
      (["--", "-1"], "-1"), ([""], ""),
    ] {
      try store.ast(["desc", "1"] + arguments).expectSuccess()
      #expect(try store.ast("info", "1", "--json").json["data"]["description"] == .text(text))
    }
    #expect(try store.ast("tree").stdout == "root\n├── 0*- base snapshot\n└── 1 - \n")
  }

  @Test func haveALimit() throws {
    let store = try TestStore()
    let longest = String(repeating: "é", count: 2048)
    try store.ast("clone", "0", longest).expectSuccess()
    #expect(try store.ast("info", "1", "--json").json["data"]["description"] == .text(longest))
    let before = try store.state()
    for verb in [["clone", "0"], ["branch", "1"], ["cbranch", "1"], ["ubranch", "1", "0"], ["new"], ["desc", "1"]] {
      let result = try store.ast(verb + [longest + "x"])
      #expect(result.status == 2)
      #expect(result.stderr == "ast: the description has 4097 bytes; the limit is 4096; nothing was changed\n")
      #expect(try store.ast(verb + [String(repeating: "x", count: 100_000)]).status == 2)
    }
    #expect(try store.state() == before)
  }

  @Test func areText() throws {
    let store = try TestStore()
    try store.ast("clone", "0").expectSuccess()
    let before = try store.state()
    for bytes in [[0xFF], [0x61, 0xC3], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF5, 0x80, 0x80, 0x80]] as [[UInt8]] {
      let result = try run(
        bytes: [AstBinary.path.string, "desc", "1"].map { Array($0.utf8) } + [bytes],
        environment: plainEnvironment.merging(["AST_STORE": store.root.string]) { $1 })
      #expect(result.status == 2)
      #expect(result.stderr == "ast: argument 3 is not valid UTF-8; nothing was changed\n")
    }
    #expect(try store.state() == before)
  }
}
