import SnapshotTree
import TestSupport
import Testing

@Suite("Names of nodes", .requiresRoot)
struct NodeNameTests {
  @Test func aNodeIsFoundByItsDescription() throws {
    let store = try TestStore()
    try store.ast("clone", "0", "Plasma full desktop").expectSuccess()
    try store.ast("clone", "0", "5").expectSuccess()
    #expect(try store.ast("branch", "plasma FULL desktop", "games").stdout == "Branch 3 added under 1.\n")
    #expect(try store.ast("run", "games", "true").status == 0)
    #expect(try store.ast("desc", "games", "Games").status == 0)
    #expect(try store.ast("du", "Games", "base snapshot", "--json").json["data"]["nodes"].elements.count == 2)
    #expect(try store.ast("del", "--yes", "Games").stdout == "Node 3 deleted.\n")
    // A number is a number.
    try expect(store.ast("info", "5"), 3, "there is no node 5", "`ast tree` shows the nodes")
  }

  @Test func whatSeveralNodesAreCalledIsRefused() throws {
    let store = try TestStore()
    for name in ["web", "web", "Web"] { try store.ast("clone", "0", name).expectSuccess() }
    let before = try store.state()
    for (typed, nodes) in [("web", "1, 2"), ("WEB", "1, 2, 3")] {
      try expect(
        store.ast("del", "--yes", typed), 2,
        "several nodes are called “\(typed)”: \(nodes); nothing was changed",
        "name one by its number")
    }
    #expect(try store.state() == before)
    #expect(try store.ast("info", "Web", "--json").json["data"]["node"] == .number(3))
  }

  @Test func whatWasMeantIsGuessedAndNotDone() throws {
    let store = try TestStore()
    try store.ast("clone", "0", "web server").expectSuccess()
    let before = try store.state()
    let meant = "did you mean node 1, “web server”?"
    for typed in ["web", "web servre", "Server"] {
      try expect(store.ast("del", "--yes", typed), 3, "there is no node “\(typed)”", meant)
    }
    try expect(store.ast("chrot", "1"), 2, "there is no verb chrot", "did you mean `ast chroot`?")
    try expect(store.ast("frobnicate"), 2, "there is no verb frobnicate", "`ast help` lists the verbs")
    #expect(try store.state() == before)
  }

  @Test func withoutAVerbTheStateIsShownAndWhatToDo() throws {
    let store = try TestStore()
    let first = try store.ast().expectSuccess()
    #expect(first.stdout.hasPrefix("Store:"))
    #expect(first.stdout.contains("\n  ast clone 0 web server  "))
    try store.ast("clone", "0").expectSuccess()
    #expect(try store.ast().stdout.contains("\n  ast chroot N  "))
    #expect(try store.ast("--json").json["data"]["nodes"] == .number(2))

    let none = try store.ast("--store", "/nowhere").expectSuccess()
    #expect(none.stdout.hasPrefix("There is no store at /nowhere. To begin:\n  ast adopt "))
  }

  private func expect(
    _ result: CommandResult, _ status: Int32, _ sentence: String, _ hint: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(result.status == status, sourceLocation: sourceLocation)
    #expect(result.stderr == "ast: \(sentence)\n     \(hint)\n", sourceLocation: sourceLocation)
  }
}
