import FoundationEssentials
import SystemPackage
import TestSupport
import Testing

/// A verb needs only the sources that it needs, and often none.
@Suite("Sources that are missing", .requiresRoot, .serialized)
struct BrokenSourceTests {
  private static let shelf = DebPackage("library", files: ["/usr/share/library": "books\n"])
  private static let tool = DebPackage("tool", fields: ["Depends": "library"])
  private static let store = Result { try PackageStore() }

  /// A node with all of the packages, whose archive is down. Its apt has got another configuration since, so it has no
  /// indices.
  private static let lost = Result {
    let node = try PackageNode(in: store.get(), publishing: [tool, shelf])
    try node.ast("install", "tool").expectSuccess()
    try node.shell("echo 'Acquire::Retries 0;' >/etc/apt/apt.conf.d/retries")
    node.repository.server.stop()
    return node
  }

  let node: PackageNode

  init() throws { node = try PackageNode(in: Self.store.get(), publishing: [Self.tool, Self.shelf]) }

  private func build(_ package: DebPackage) throws -> String {
    try package.build(in: LoopBtrfs.shared.newDirectory()).string
  }

  // MARK: Without an index

  /// What is done without a network and without an index, and the packages that are there then.
  @Test(arguments: [
    (["remove", "library"], []), (["remove", "--purge", "tool"], ["library"]),
    (["remove", "--auto-remove", "tool"], []), (["tree-rmpkg", "tool"], ["library"]),
    (["hold", "tool"], ["library", "tool"]), (["install", "tool"], ["library", "tool"]),
    (["install", "tool-"], ["library"]), (["install", "LOCAL"], ["library", "local", "tool"]),
    (["install", "--no-refresh", "LOCAL"], ["library", "local", "tool"]),
    (["upgrade", "--no-refresh"], ["library", "tool"]),
  ])
  func needsNoIndex(words: [String], left: [String]) throws {
    let node = try Self.lost.get().clone()
    let file = try build(DebPackage("local", fields: ["Depends": "tool"]))
    let rest = words.dropFirst().map { $0 == "LOCAL" ? file : $0 }
    let options = rest.filter { $0.hasPrefix("--") }
    let result = try node.store.ast(
      [words[0]] + options + ["-y", "\(node.id)"] + rest.filter { !options.contains($0) })
    #expect(result.status == 0, "\(result)")
    #expect(try node.added() == left.map { "\($0):all 1.0" })
  }

  /// If something is needed that no index has, the reason why there is none comes first.
  @Test(arguments: [
    (["install", "absent"], 1, "cannot be fetched: "), (["install", "NEEDY"], 1, "cannot be fetched: "),
    (["install", "--no-refresh", "absent"], 3, "were never fetched; "), (["upgrade"], 1, "cannot be fetched: "),
    (["install", "--refresh", "tool"], 1, "cannot be fetched: "), (["refresh"], 1, "cannot be fetched: "),
  ])
  func whatIsMissingIsNamedFirst(words: [String], status: Int32, reason: String) throws {
    let node = try Self.lost.get().clone()
    let file = try build(DebPackage("needy", fields: ["Depends": "absent"]))
    let rest = words.dropFirst().map { $0 == "NEEDY" ? file : $0 }
    let options = rest.filter { $0.hasPrefix("--") }
    let before = try node.state()
    let result = try node.store.ast([words[0]] + options + ["\(node.id)"] + rest.filter { !options.contains($0) })
    #expect(result.status == status, "\(result)")
    let message = result.said.first { $0.hasPrefix("ast: ") } ?? ""
    #expect(message.hasPrefix("ast: the package indices of node \(node.id) \(reason)"), "\(result)")
    try node.expectUntouched(since: before)
  }

  /// A list of sources that apt cannot read is in the way of what needs one, and of nothing else.
  @Test(arguments: [
    ["remove", "tool"], ["hold", "tool"], ["install", "LOCAL"], ["install", "--no-refresh", "LOCAL"],
  ])
  func unreadableListOfSources(words: [String]) throws {
    let node = try Self.lost.get().clone()
    let file = try build(DebPackage("local"))
    try node.shell("echo 'dbe http://one.example/ ./' >/etc/apt/sources.list")
    try node.store.ast([words[0], "\(node.id)"] + words.dropFirst().map { $0 == "LOCAL" ? file : $0 }).expectSuccess()
    let refused = try node.ast("install", "absent")
    #expect(refused.status == 1 && refused.stderr.contains("Type 'dbe' is not known on line 1"), "\(refused)")
  }

  /// A file that recommends something is installed with it, if it can be had.
  @Test func whatAFileRecommendsIsFetched() throws {
    let file = try build(DebPackage("local", fields: ["Recommends": "library"]))
    let lost = try Self.lost.get().clone()
    try node.ast("install", file).expectSuccess()
    #expect(try node.added() == ["library:all 1.0", "local:all 1.0"])
    try lost.ast("install", file).expectSuccess()
    #expect(try lost.added() == ["library:all 1.0", "local:all 1.0", "tool:all 1.0"])
  }

  /// The clock was ahead when they were fetched.
  @Test func indicesOfTheFutureAreOld() throws {
    try node.ast("refresh").expectSuccess()
    try runSuccessfully([
      "sh", "-c", "touch -d '+3 days' \(node.store.root)/cache/apt/indices/*/configuration",
    ])
    let newer = DebPackage("tool", version: "2.0")
    try node.repository.publish([newer])
    for words in [["upgrade", "-n"], ["install", "-n", "tool=2.0"], ["tree-upgrade", "-n"]] {
      try node.store.ast([words[0], words[1], "\(node.id)"] + words.dropFirst(2)).expectSuccess()
      try runSuccessfully([
        "sh", "-c", "touch -d '+3 days' \(node.store.root)/cache/apt/indices/*/configuration",
      ])
    }
    try node.shell("echo 'Acquire::Retries 0;' >/etc/apt/apt.conf.d/retries")
    node.repository.server.stop()
    #expect(try node.ast("refresh").status == 1)
  }

  // MARK: One source of several

  /// What can be wrong with a source, and what its warning says.
  private static let broken: [(line: String, named: String)] = [
    ("deb [trusted=yes] http://localhost:1/vendor stable main", "http://localhost:1/vendor stable"),
    ("deb [trusted=yes] SERVER no-such-suite main", "SERVER no-such-suite"),
    ("deb [signed-by=/etc/apt/keyrings/none.gpg] SERVER tests main", "SERVER tests"),
    ("deb [trusted=yes] s3://one.example/vendor stable main", "s3:"),
    ("deb [trusted=yes] file:/srv/gone ./", "file:/srv/gone ./"),
    ("deb cdrom:[Debian 13 _Trixie_ - DVD-1]/ trixie main", "cdrom://Debian 13 _Trixie_ - DVD-1 trixie"),
  ]

  @Test(arguments: broken.indices)
  func breaksOnlyWhatDependsOnIt(index: Int) throws {
    // Another archive, because apt refuses two opinions about the keys of one.
    let vendor = try AptRepository()
    try vendor.publish([DebPackage("vendors")])
    let (line, named) = Self.broken[index]
    let insert = { (text: String) in text.replacing("SERVER", with: vendor.server.uri) }
    try node.store.ast(
      [
        "-q", "run", "\(node.id)", "sh", "-c",
        "echo 'Acquire::Retries 0;' >/etc/apt/apt.conf.d/retries; cat >/etc/apt/sources.list.d/vendor.list",
      ], input: insert(line) + "\n"
    ).expectSuccess()
    let installed = try node.ast("install", "-y", "tool").expectSuccess()
    #expect(
      installed.stderr.contains("ast: warning: node \(node.id): the source \(insert(named)) cannot be fetched: "),
      "\(installed)"
    )
    // What only the broken source can have: it is named before the rest.
    for options in [[], ["--no-refresh"], ["--refresh"]] {
      let refused = try node.store.ast(["install", "-n"] + options + ["\(node.id)", "vendors"])
      #expect(refused.status == 3, "\(refused)")
      #expect(refused.stderr.contains("ast: the source \(insert(named)) could not be fetched ("), "\(refused)")
      #expect(refused.stderr.contains("); node \(node.id)'s sources have no package vendors"), "\(refused)")
    }
    let refreshed = try node.ast("refresh").expectSuccess()
    #expect(refreshed.stderr.contains("the source \(insert(named)) cannot be fetched"), "\(refreshed)")
    try node.repository.publish([DebPackage("tool", version: "2.0"), Self.shelf])
    try node.ast("upgrade", "-y").expectSuccess()
    #expect(try node.added() == ["library:all 1.0", "tool:all 2.0"])
    let file = try build(DebPackage("local"))
    try node.ast("install", "-y", file).expectSuccess()
    try node.ast("remove", "-y", "tool").expectSuccess()
    #expect(try node.added() == ["library:all 1.0", "local:all 1.0"])
  }
}
