import TestSupport
import Testing

/// What cron(8) would send: nothing if there is nothing to do, and everything once if there is.
@Suite("Upkeep without a terminal", .requiresRoot, .serialized)
struct QuietUpgradeTests {
  private static let made = Result {
    let node = try PackageNode(in: PackageStore().store, publishing: [DebPackage("tool", version: "1.0")])
    try node.ast("install", "tool").expectSuccess()
    _ = try node.branch()
    return node
  }

  /// A node with a branch, both up to date.
  private let nodes: [PackageNode]
  private var node: PackageNode { nodes[0] }

  init() throws {
    let made = try Self.made.get()
    nodes = try made.cloneTree()
    try made.repository.publish([DebPackage("tool", version: "1.0")])
  }

  @Test(arguments: [
    ["tree-upgrade"], ["tree-upgrade", "--jobs", "1"], ["upgrade"], ["auto-upgrade"], ["refresh"], ["sync"],
    ["tree-upgrade", "-y"], ["upgrade", "-q"],
  ])
  func nothingToDoIsNothingToSay(words: [String]) throws {
    let result = try node.store.ast([words[0], "\(node.id)"] + words.dropFirst())
    #expect(result.status == 0 && result.stdout + result.stderr == "", "\(result)")
    // A program always gets its object.
    let json = try node.store.ast([words[0], "\(node.id)", "--json"]).json
    #expect(json["error"] == .null && json["data"] != .null)
  }

  @Test func garbageThatIsNotThereIsNotMentioned() throws {
    try node.store.ast("gc", "-y").expectSuccess()
    for words in [["gc"], ["gc", "-y"]] {
      let result = try node.store.ast(words)
      #expect(result.status == 0 && result.stdout + result.stderr == "", "\(result)")
    }
    #expect(try node.store.ast("gc", "-n").stdout.lines.first == "Nothing to delete.")
  }

  @Test func whatIsDoneIsSaidOnce() throws {
    try node.repository.publish([DebPackage("tool", version: "2.0")])
    let result = try node.ast("tree-upgrade").expectSuccess()
    #expect(result.stderr == "")
    #expect(
      result.stdout.lines == [
        "Tree \(node.id): 2 of 2 nodes done",
        "  \(nodes[0].id)  1 upgraded, generation 2", "  \(nodes[1].id)  1 upgraded, generation 2",
      ])
    try node.store.ast("gc", "-y").expectSuccess()
    let gc = try node.store.ast("gc", "-y", "--keep", "1").expectSuccess()
    #expect(gc.stderr == "" && gc.stdout.lines.count == 1 && gc.stdout.hasPrefix("Deleted: "), "\(gc)")
  }

  @Test func failuresAreSaid() throws {
    try node.loseSources()
    let result = try node.ast("tree-upgrade")
    #expect(result.status == 6 && result.stdout.contains("1 of 2 nodes done"), "\(result)")
    #expect(try node.ast("refresh").status == 1)
  }

  /// On a terminal the user is told, and is not asked about nothing.
  @Test(arguments: ["tree-upgrade", "upgrade"]) func usersAreToldAndNotAsked(verb: String) throws {
    let terminal = try PseudoTerminal(
      [AstBinary.path.string, verb, "\(node.id)"],
      environment: plainEnvironment.merging(["AST_STORE": node.store.root.string]) { $1 })
    let said = try terminal.expect("othing to do.\r\n", timeout: 120)
    #expect(try terminal.waitForExit() == 0)
    #expect(!said.contains("?"), "\(said)")
  }

  @Test func aDryRunSaysThatThereIsNothingToDo() throws {
    #expect(try node.ast("upgrade", "-n").stdout == "Nothing to do.\n")
    let tree = try node.ast("tree-upgrade", "-n").expectSuccess().stdout
    #expect(tree == "Nodes \(nodes[0].id), \(nodes[1].id):\nNothing to do.\n")
  }
}
