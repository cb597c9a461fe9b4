import Glibc
import TestSupport
import Testing

/// What `ast history` and `ast info tN` show.
@Suite("history", .requiresRoot) struct HistoryTests {
  let store: TestStore

  init() throws {
    store = try TestStore()
    for arguments in [["new"], ["branch", "1"], ["branch", "1"]] { try store.ast(arguments).expectSuccess() }
  }

  private func history(_ arguments: String...) throws -> [String] {
    try store.ast(["history"] + arguments, environment: ["TZ": "UTC-5"]).expectSuccess().stdout.lines
  }

  @Test func aCommandOfSeveralNodesIsThereOnce() throws {
    try store.ast("tree-run", "1", "sh", "-c", "touch /x; test $AST_NODE != 3")
    let lines = try history()
    #expect(lines.count == 7, "\(lines)")
    #expect(lines[0] == "WHEN              ID  STATE   NODES  COMMAND")
    #expect(
      lines[1].wholeMatch(of: /\d{4}-\d\d-\d\d \d\d:\d\d  t5  partly  1-3    ast tree-run 1 sh -c 'touch \/x; .*/)
        != nil, "\(lines)")
    #expect(lines[2] == "                  node 3: exit status 1")
    #expect(lines[3].contains("  t4  done    3      ast branch 1"))
    let ofOne = try history("2")
    #expect(ofOne.count == 7)
    #expect(ofOne.last == "The newest 3 are kept, and what is deployed, pinned or tagged (`ast pin 2@N`).")
    #expect(try history("--limit", "2").count == 4)
    let operations = try store.ast("history", "--json").json["data"]["operations"].elements
    #expect(operations.map { $0["id"] } == [7, 6, 5, 4, 3, 2, 1].map { .number($0) })
    #expect(operations.map { $0["leader"] } == [.number(5), .number(5)] + Array(repeating: .null, count: 5))
    let ofNode = try store.ast("history", "--json", "2").json["data"]["operations"].elements
    #expect(ofNode.map { $0["id"] } == [.number(6), .number(3)])
  }

  @Test func timesAreThoseOfThisMachine() throws {
    let utc = try run(["date", "-u", "-d", "+5 hours", "+%Y-%m-%d %H:"]).stdout.dropLast()
    #expect(try history().last?.hasPrefix(utc) == true)
    let generation = try history("1").last { $0.hasPrefix("generation 1 (current), ") }
    #expect(generation?.hasPrefix("generation 1 (current), \(utc)") == true, "\(generation ?? "")")
    let info = try store.ast("info", "1", environment: ["TZ": "UTC-5"]).expectSuccess().stdout.lines
    for label in ["Created", "Changed"] {
      #expect(info.contains { $0.hasPrefix("\(label):     \(utc)") }, "\(info)")
    }
  }

  @Test func generationsNameTheirTransactions() throws {
    try store.ast("run", "1", "touch", "/x").expectSuccess()
    try store.ast("tag", "1@2", "with-x").expectSuccess()
    let generations = try history("1").filter { $0.hasPrefix("generation") }
    #expect(
      generations[0].wholeMatch(of: /generation 2 \(current\), \d{4}-\d\d-\d\d \d\d:\d\d, t5 run, with-x/) != nil,
      "\(generations)")
  }

  @Test func longCommandLinesAreShortened() throws {
    let text = String(repeating: "words ", count: 40)
    try store.ast("run", "1", "true", text).expectSuccess()
    let lines = try history()
    #expect(lines.allSatisfy { $0.count <= 80 }, "\(lines)")
    #expect(lines[1].hasSuffix("…"))
    #expect(
      try store.ast("history", "--json").json["data"]["operations"][0]["command"] == .text("ast run 1 true '\(text)'"))
    #expect(try store.ast("info", "t5").stdout.contains("ast run 1 true '\(text)'"))
  }

  @Test func manyNodesAreCounted() throws {
    for _ in 0..<9 { try store.ast("new").expectSuccess() }
    for node in stride(from: 4, through: 12, by: 2) { try store.ast("move", "\(node)", "--under", "1").expectSuccess() }
    try store.ast("tree-run", "1", "true").expectSuccess()
    let line = try history()[1]
    #expect(line.contains("  done   1-4, 6, 8, … (8)  ast tree-run 1 true"), "\(line)")
    #expect(try history()[2] == "                  nodes 1-4, 6, 8, 10, 12: nothing was changed")
  }

  @Test func aTransactionIsShownInFull() throws {
    try store.ast("tree-run", "1", "sh", "-c", "touch /x; test $AST_NODE != 3")
    for name in ["t5", "t7"] {
      let lines = try store.ast("info", name).expectSuccess().stdout.lines
      #expect(lines.count == 11, "\(lines)")
      #expect(lines[0] == "Transaction:  t5" && lines[2] == "State:        partly", "\(lines)")
      #expect(
        Array(lines[5...]) == [
          "Node 1:       tree-run in “new tree”, generation 1 to 2, done",
          "Node 2:       tree-run in “branch of 1” (t6), generation 1 to 2, done",
          "Node 3:       tree-run in “branch of 1” (t7), failed: exit status 1",
          "To see what it changed:", "  ast diff 1@1 1@2", "  ast diff 2@1 2@2",
        ], "\(lines)")
    }
    #expect(try store.ast("diff", "--files", "2@1", "2@2").expectSuccess().stdout == "+ /x\n")
    // Nothing is suggested that cannot be done.
    for number in 1...3 { try store.ast("run", "1", "touch", "/\(number)").expectSuccess() }
    try store.ast("del", "-y", "2").expectSuccess()
    let later = try store.ast("info", "t5").expectSuccess().stdout.lines
    #expect(later[6] == "Node 2:       tree-run in a node that is deleted (t6), generation 1 to 2, done", "\(later)")
    #expect(later.last == "Node 3:       tree-run in “branch of 1” (t7), failed: exit status 1", "\(later)")
    #expect(try store.ast("--json", "info", "t6").json["data"]["operations"].elements.count == 3)
    #expect(try store.astAsNobody(["info", "t5"]).expectSuccess().stdout.lines[1] == "Command:      ast tree-run 1")
    let unknown = try store.ast("info", "t99")
    #expect(
      (unknown.status, unknown.stderr) == (3, "ast: there is no transaction t99\n     `ast history` lists them\n"))
  }
}
