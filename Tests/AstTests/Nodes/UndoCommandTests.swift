import Glibc
import TestSupport
import Testing

/// `ast undo --operation`.
@Suite("undo of a command", .requiresRoot) struct UndoCommandTests {
  /// The tree 1 > 2 and 1 > 3; t5 to t7 have made generation 2 of each.
  let store: TestStore

  init() throws {
    store = try TestStore()
    for arguments in [["new"], ["branch", "1"], ["branch", "1"]] { try store.ast(arguments).expectSuccess() }
    try store.ast("tree-run", "1", "touch", "/first").expectSuccess()
  }

  private var generations: [Int] { get throws { try TreeListing(store).data.map(\.generation) } }

  private func undo(_ operation: String) throws -> CommandResult { try store.ast("undo", "--operation", operation) }

  private func expectRefusal(
    of operation: String, _ status: Int32, _ lines: [String], sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let before = try store.state()
    let result = try undo(operation)
    #expect(result.status == status && result.stdout.isEmpty, "\(result)", sourceLocation: sourceLocation)
    #expect(result.stderr.lines == lines, sourceLocation: sourceLocation)
    #expect(try store.state() == before, sourceLocation: sourceLocation)
  }

  @Test(arguments: ["t5", "t6", "t7"]) func allNodesGoBackAtOnce(operation: String) throws {
    let result = try undo(operation).expectSuccess()
    #expect(result.stdout.lines == (1...3).map { "Node \($0) is at generation 1 again." })
    #expect(try generations == [1, 1, 1, 1])
    for node in 1...3 { #expect(try run(["test", "-e", "\(store.content(of: node))/first"]).status == 1) }
    // It is a command like any other: undone in the same way, and once in the history.
    try expectRefusal(
      of: operation, 5,
      [
        "ast: t5 cannot be taken back as a whole: node 1 was taken back already: its content is generation 1, not 2; nothing was changed",
        "     `ast history` shows what was done",
      ])
    #expect(try undo("t9").expectSuccess().stdout.lines.count == 3)
    #expect(try generations == [1, 2, 2, 2])
    #expect(try Consistency.problems(of: store) == [])
    #expect(try Consistency.findingsOfDoctor(store) == [])
  }

  @Test func jsonNamesTheNodes() throws {
    try store.ast("tree-run", "1", "sh", "-c", "touch /second; test $AST_NODE != 2")
    let object = try store.ast("--json", "undo", "--operation", "t8").expectSuccess().json
    #expect(object["transaction"] == .text("11"))
    #expect(object["data"].keys == ["leftOut", "nodes"])
    #expect(object["data"]["leftOut"] == .array([.number(2)]))
    #expect(
      object["data"]["nodes"] == .array([1, 3].map { .object(["node": .number($0), "generation": .number(2)]) }))
  }

  @Test func nodesThatFailedAreLeftOut() throws {
    #expect(try store.ast("tree-run", "1", "sh", "-c", "touch /second; test $AST_NODE != 2").status == 6)
    // The node in which it failed may have been changed since.
    try store.ast("run", "2", "touch", "/third").expectSuccess()
    #expect(
      try undo("t10").expectSuccess().stdout.lines == [
        "Node 1 is at generation 2 again.", "Node 3 is at generation 2 again.",
        "Left out, because t10 failed there: node 2.",
      ])
    #expect(try generations == [1, 2, 3, 2])
  }

  @Test func nodesInWhichNothingWasChangedStay() throws {
    try store.ast("tree-run", "1", "sh", "-c", "test $AST_NODE = 2 || touch /second").expectSuccess()
    try store.ast("run", "2", "touch", "/third").expectSuccess()
    #expect(try undo("t8").expectSuccess().stdout.lines.count == 2)
    #expect(try generations == [1, 2, 3, 2])
  }

  @Test func aNodeThatWasChangedSinceStopsAll() throws {
    try store.ast("run", "3", "touch", "/second").expectSuccess()
    try expectRefusal(
      of: "t5", 5,
      [
        "ast: t5 cannot be taken back as a whole: node 3 was changed since: its content is generation 3, not 2; nothing was changed",
        "     take the others back by themselves: `ast undo --to 1 1`, `ast undo --to 1 2`",
      ])
    try store.ast("del", "-y", "3").expectSuccess()
    try expectRefusal(
      of: "t5", 5,
      [
        "ast: t5 cannot be taken back as a whole: node 3 was deleted since; nothing was changed",
        "     take the others back by themselves: `ast undo --to 1 1`, `ast undo --to 1 2`",
      ])
    #expect(try store.ast("undo", "--to", "1", "2").status == 0)
  }

  @Test func whatIsNoLongerKeptStopsAll() throws {
    for number in 3...6 { try store.ast("run", "1", "touch", "/\(number)").expectSuccess() }
    try store.ast("undo", "--to", "5", "1").expectSuccess()
    try store.ast("tree-run", "1", "touch", "/new").expectSuccess()
    try store.ast("gc", "-y", "--keep", "1").expectSuccess()
    let result = try undo("t13")
    #expect(result.status == 0 || result.stderr.contains("is no longer kept"), "\(result)")
  }

  @Test func everyTransactionThatMadeAGenerationCanBeTakenBack() throws {
    try store.ast("run", "1", "touch", "/second").expectSuccess()
    #expect(try undo("t8").expectSuccess().stdout == "Node 1 is at generation 2 again.\n")
    #expect(try undo("t9").expectSuccess().stdout == "Node 1 is at generation 3 again.\n")
  }

  @Test func whatHasChangedNoContentIsRefused() throws {
    try store.ast("desc", "1", "x").expectSuccess()
    try store.ast("run", "1", "true").expectSuccess()
    #expect(try store.ast("run", "1", "false").status == 1)
    for (operation, kind) in [("t1", "init"), ("t2", "clone"), ("t8", "desc"), ("t9", "run"), ("t10", "run")] {
      try expectRefusal(
        of: operation, 5,
        [
          "ast: \(operation) (\(kind)) has not changed the content of a node; nothing was changed",
          "     `ast history` shows what was done",
        ])
    }
    try expectRefusal(
      of: "t99", 3, ["ast: there is no transaction t99; nothing was changed", "     `ast history` lists them"])
  }

  @Test func badInput() throws {
    let before = try store.state()
    let missing = "a node, or --operation, is missing"
    let both = "--operation takes no node and no --to"
    let cases: [([String], String)] = [
      ([], missing), (["--to", "1"], missing), (["--operation", "t5", "1"], both),
      (["--operation", "t5", "--to", "1"], both), (["--operation"], "Missing value for '--operation <tN>'"),
    ]
    for (arguments, sentence) in cases {
      let result = try store.ast(["undo"] + arguments)
      #expect(result.status == 2 && result.stderr.lines.first == "ast: \(sentence)", "\(arguments): \(result)")
    }
    for text in ["5", "", "t", "t05", "T5", "d5", "t5 ", "t-1", "t99999999999"] {
      let result = try undo(text)
      #expect(result.status == 2, "\(text)")
      #expect(result.stderr.lines.first == "ast: The value '\(text)' is invalid for '--operation <tN>'")
    }
    #expect(try store.astAsNobody(["undo", "--operation", "t5"]).stderr.hasPrefix("ast: `ast undo` needs root"))
    #expect(try store.state() == before)
  }

  @Test func aCommandAtWorkIsNotTakenBack() throws {
    let work = try store.start(["tree-run", "1", "sh", "-c", "touch /second; test $AST_NODE != 2 || sleep 1000"])
    defer { kill(work.pid, SIGKILL) }
    try eventually("the second node") { try store.ast("info", "2").stdout.contains("tree-run running") }
    let result = try undo("t8")
    #expect(result.status == 4)
    #expect(result.stderr.lines.first == "ast: the command of t8 (tree-run) is still at work; nothing was changed")
    // A node that another command works on.
    #expect(try undo("t5").status == 4)
    kill(work.pid, SIGKILL)
    _ = try work.wait()
    // Its first node was done: that much is taken back.
    #expect(
      try undo("t8").expectSuccess().stdout.lines == [
        "Node 1 is at generation 2 again.", "Left out, because t8 failed there: node 2.",
      ])
    #expect(try Consistency.problems(of: store) == [])
  }
}
