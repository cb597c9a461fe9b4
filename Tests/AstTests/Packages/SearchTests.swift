import FoundationEssentials
import SystemPackage
import TestSupport
import Testing

@Suite("search, show, updates", .requiresRoot, .serialized)
struct SearchTests {
  private static let packages = [
    DebPackage(
      "webd", version: "2.0-1",
      fields: [
        "Description": "small Web server\n It serves pages\n .\n quickly.", "Section": "httpd", "Installed-Size": "12",
        "Homepage": "https://webd.example",
      ]),
    DebPackage("webd-doc", fields: ["Description": "manual of webd"]),
    DebPackage("mailer", fields: ["Description": "mail server\u{1B}[31m"]),
  ]

  private static let made = Result {
    let node = try PackageNode(in: try PackageStore(), publishing: packages)
    try node.ast("refresh").expectSuccess()
    return node
  }

  private let node: PackageNode
  private var store: TestStore { node.store }

  init() throws { node = try Self.made.get() }

  @Test func packagesAreFoundByWords() throws {
    for (words, found) in [
      (["server"], "mailer - mail server␛[31m\nwebd - small Web server\n"),
      (["WEB", "server"], "webd - small Web server\n"),
      (["webd"], "webd - small Web server\nwebd-doc - manual of webd\n"), (["quickly"], "webd - small Web server\n"),
    ] {
      let result = try store.ast(["search", "-N", "\(node.id)"] + words).expectSuccess()
      #expect(result.stdout == found)
      #expect(try store.astAsNobody(["search", "-N", "\(node.id)"] + words).stdout == found)
    }
    let none = try store.ast("search", "-N", "\(node.id)", "webd", "mail")
    #expect(none.status == 3)
    #expect(none.stderr == "ast: no package has all these words\n")
    let data = try store.ast("search", "--json", "-N", "\(node.id)", "pages").expectSuccess().json["data"]["packages"]
    #expect(data.elements.map(\.keys) == [["name", "summary", "version"]])
    #expect(data[0]["version"] == .text("2.0-1"))
  }

  /// As it is on a booted machine.
  @Test func rootFindsInAStoreThatIsMountedReadOnly() throws {
    let script = "mount --bind $0 $0; mount -o remount,ro,bind $0; exec \"$@\""
    for verb in [
      ["search", "-N", "\(node.id)", "pages"], ["show", "-N", "\(node.id)", "webd"], ["updates", "\(node.id)"],
    ] {
      try runSuccessfully(["rm", "-rf", "\(store.root)/ast/lists/\(node.id)"])
      let result = try run(
        ["unshare", "--mount", "--propagation", "private", "sh", "-euc", script, "\(store.root)"]
          + [AstBinary.path.string, "--store", "\(store.root)"] + verb)
      #expect(result.status == 0 && !result.stdout.isEmpty, "\(result)")
    }
  }

  @Test func aPackageIsShownWithItsVersionsAndNodes() throws {
    let other = try node.clone()
    try other.ast("install", "webd").expectSuccess()
    let shown = try store.astAsNobody(["show", "-N", "\(node.id)", "webd"]).expectSuccess().stdout
    let lines = shown.lines
    #expect(lines[0] == "webd - small Web server")
    #expect(lines[1].hasPrefix("Version:   2.0-1 (") && lines[1].contains(", all, "))
    #expect(lines[2...4] == ["Section:   httpd", "Homepage:  https://webd.example", "Nodes:     \(other.id) (2.0-1)"])
    #expect(lines[5...] == ["  It serves pages", "  quickly."])
    let data = try store.ast("show", "--json", "-N", "\(node.id)", "webd:all", "mailer").expectSuccess().json["data"]
    #expect(data["packages"].elements.count == 2)
    #expect(data["packages"][0]["versions"][0]["installedSize"] == .number(12 * 1024))
    // Without the places of the entries, all of them are looked at.
    let places = try runSuccessfully(["find", "\(store.root)/ast/lists/\(node.id)", "-name", "*.places"]).lines
    #expect(!places.isEmpty)
    for damage in [": >\"$f\"", "printf '%s' 0123456789abcdef0123456789abcdef >\"$f\"", "rm \"$f\""] {
      try runSuccessfully(["sh", "-c", "for f; do \(damage); done", "sh"] + places)
      #expect(try store.astAsNobody(["show", "-N", "\(node.id)", "webd"]).stdout == shown)
    }
    let missing = try store.ast("show", "-N", "\(node.id)", "nope")
    #expect(missing.status == 3)
    #expect(missing.stderr.hasPrefix("ast: node \(node.id)'s sources have no package nope; nothing was changed\n"))
  }

  @Test func listsThatAreMissingAreFetchedByRoot() throws {
    let fresh = try PackageNode(in: store, publishing: [DebPackage("fresh")])
    let refused = try store.astAsNobody(["search", "-N", "\(fresh.id)", "fresh"])
    #expect(refused.status == 3)
    #expect(
      refused.stderr
        == "ast: the package lists of node \(fresh.id) were not fetched yet; nothing was changed\n     `ast refresh \(fresh.id)` fetches them, as root\n"
    )
    #expect(try store.ast("search", "-N", "\(fresh.id)", "fresh").expectSuccess().stdout.hasPrefix("fresh - "))
    #expect(try store.astAsNobody(["search", "-N", "\(fresh.id)", "fresh"]).status == 0)
    // A refresh shows what is new.
    try fresh.repository.publish([DebPackage("fresh"), DebPackage("newer")])
    try fresh.ast("refresh").expectSuccess()
    #expect(try store.astAsNobody(["search", "-N", "\(fresh.id)", "newer"]).status == 0)
    try store.ast("del", "-y", "\(fresh.id)").expectSuccess()
    #expect(try store.astAsNobody(["search", "-N", "\(fresh.id)", "newer"]).status == 3)
    #expect(try Consistency.problems(of: store) == [])
  }

  // MARK: Applications

  /// The metadata of an archive with two applications, one of which has a picture; and what has no place in it.
  private static func metadata(_ name: String) -> String {
    """
    ---
    File: DEP-11
    Version: '1.0'
    ---
    Type: desktop-application
    ID: org.example.Viewer
    Package: viewer
    Name:
      de: Betrachter
      C: "\(name)\\e[31m"
    Summary:
      C: >-
        Look at pages
        of all kinds
    Icon:
      cached:
      - name: viewer_viewer.png
        width: 64
        height: 64
    ---
    Type: console-application
    ID: top
    Package: tools
    Name:
      C: 'It''s top'
    Icon:
      cached:
      - name: ../../escape.png
        width: 64
        height: 64
    ---
    Type: font
    ID: org.example.Font
    Package: fonts
    Name:
      C: Viewer font

    """
  }

  private static func others(_ name: String = "Viewer") throws -> [String: Data] {
    let place = try LoopBtrfs.shared.newDirectory()
    try runSuccessfully(
      ["sh", "-ec", "printf picture >viewer_viewer.png; ln -s /etc/shadow other.png; tar -cf t.tar *.png"], in: place)
    return [
      "main/dep11/Components-\(try AptRepository.architecture).yml": Data(metadata(name).utf8),
      "main/dep11/icons-64x64.tar": try Data(contentsOf: URL(filePath: place.appending("t.tar").string)),
    ]
  }

  @Test func applicationsAreFoundAsTheArchiveDescribesThem() throws {
    let fresh = try PackageNode(in: store, publishing: [])
    try fresh.repository.publish([DebPackage("viewer")], others: try Self.others())
    let search = ["search", "--apps", "-N", "\(fresh.id)"]
    let refused = try store.astAsNobody(search + ["pages"])
    #expect(refused.status == 3)
    #expect(refused.stderr.contains("`ast search --apps` fetches them, as root"))
    let before = try store.state()
    #expect(
      try store.ast(search + ["PAGES", "look"]).expectSuccess().stdout
        == "Viewer␛[31m (viewer) - Look at pages of all kinds\n")
    #expect(try store.state() == before)
    #expect(try store.astAsNobody(search + ["top"]).expectSuccess().stdout == "It's top (tools)\n")
    #expect(try store.astAsNobody(search + ["font"]).status == 3)
    let data = try store.astAsNobody(search + ["--json", "viewer"]).expectSuccess().json["data"]["applications"]
    #expect(data.elements.map(\.keys) == [["id", "name", "package", "picture", "summary"]])
    guard case .text(let picture) = data[0]["picture"] else { throw Unexpected() }
    #expect(try String(contentsOfFile: picture, encoding: .utf8) == "picture")
    let top = try store.ast(search + ["--json", "top"]).expectSuccess().json["data"]["applications"]
    #expect(top[0]["picture"] == .null)
    // What was fetched today is used, whatever the mirror has.
    try fresh.repository.publish([DebPackage("viewer")], others: try Self.others("Reader"))
    #expect(try store.ast(search + ["reader"]).status == 3)
    let place = "\(store.root)/ast/apps/\(fresh.id)"
    try runSuccessfully(["touch", "-d", "2 days ago", "\(place)/applications"])
    #expect(try store.ast(search + ["reader"]).expectSuccess().stdout.hasPrefix("Reader"))
    // An old answer is better than none.
    try runSuccessfully(["touch", "-d", "2 days ago", "\(place)/applications"])
    fresh.repository.server.stop()
    let old = try store.ast(search + ["reader"]).expectSuccess()
    #expect(old.stdout.hasPrefix("Reader"))
    #expect(old.stderr.contains("cannot be fetched"))
    // What a killed command has left goes with the next one, and what a node had goes when it is gone.
    try fresh.repository.server.start()
    try runSuccessfully(["sh", "-c", "mkdir \(place).new; echo part >\(place).new/applications"])
    #expect(try store.ast(search + ["reader"]).status == 0)
    #expect(!FileManager.default.fileExists(atPath: "\(place).new"))
    try store.ast("del", "-y", "\(fresh.id)").expectSuccess()
    try node.ast("refresh").expectSuccess()
    #expect(!FileManager.default.fileExists(atPath: place))
    #expect(try Consistency.problems(of: store) == [])
  }

  /// What the programs of a node fetch is not kept without a bound.
  @Test func tooManyApplicationsAreRefusedAndTheOldOnesStay() throws {
    let fresh = try PackageNode(in: store, publishing: [])
    try fresh.repository.publish([], others: try Self.others())
    let search = ["search", "--apps", "-N", "\(fresh.id)"]
    try store.ast(search + ["top"]).expectSuccess()
    let many = (0...65536).map {
      "---\nType: desktop-application\nID: a\($0)\nPackage: b\nName:\n  C: c\n"
    }.joined()
    let name = "main/dep11/Components-\(try AptRepository.architecture).yml"
    try fresh.repository.publish([], others: [name: Data(many.utf8)])
    try runSuccessfully(["touch", "-d", "2 days ago", "\(store.root)/ast/apps/\(fresh.id)/applications"])
    let found = try store.ast(search + ["top"]).expectSuccess()
    #expect(found.stdout == "It's top (tools)\n")
    #expect(found.stderr.contains("more than 65536 applications"))
  }

  private struct Unexpected: Error {}

  @Test func updatesComeWithTheirReasons() throws {
    let old = try PackageNode(in: store, publishing: [DebPackage("app"), DebPackage("kept"), DebPackage("same")])
    try old.ast("install", "app", "kept", "same").expectSuccess()
    try old.ast("hold", "kept").expectSuccess()
    #expect(try old.ast("updates").expectSuccess().stdout == "There are no updates.\n")
    try old.repository.publish([
      DebPackage("app", version: "2.0"), DebPackage("kept", version: "2.0"), DebPackage("same"),
    ])
    let before = try store.state()
    let result = try old.ast("updates", "--refresh").expectSuccess()
    #expect(
      result.stdout.lines.prefix(4) == [
        "Other updates (1):", "  app  1.0 -> 2.0", "Kept back (1):", "  kept  2.0: on hold",
      ])
    let data = try old.ast("updates", "--json", "--no-refresh").expectSuccess().json["data"]
    #expect(data.keys == ["downloadSize", "installSize", "keptBack", "node", "updates"])
    #expect(data["updates"].each("security") == [.bool(false)])
    #expect(try store.state() == before)
    #expect(try store.astAsNobody(["updates", "\(old.id)"]).stderr.hasPrefix("ast: `ast updates` needs root"))
  }
}
