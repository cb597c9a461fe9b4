import FoundationEssentials
import Glibc
import SnapshotTree
import SystemPackage
import TestSupport
import Testing

/// `ast move`.
@Suite("move", .requiresRoot) struct MoveTests {
  /// The trees 1 > 2 > 3 and 4 > 5, and 6 below the base.
  let store: TestStore

  init() throws {
    store = try TestStore()
    for arguments in [["new"], ["branch", "1"], ["branch", "2", "leaf"], ["new"], ["branch", "4"], ["branch", "0"]] {
      try store.ast(arguments).expectSuccess()
    }
    try store.ast("tag", "3", "golden").expectSuccess()
  }

  private func operations(of node: Int) throws -> [JSON] {
    try store.ast("history", "--json", "\(node)").json["data"]["operations"].elements
  }

  private var parents: [Int?] { get throws { try TreeListing(store).data.map(\.parent) } }

  @Test func aNodeKeepsItsNumberItsHistoryAndWhatIsBelowIt() throws {
    try store.ast("run", "2", "touch", "/first").expectSuccess()
    let history = try operations(of: 2)
    let result = try store.ast("move", "2", "--under", "5").expectSuccess()
    #expect((result.stdout, result.stderr) == ("Node 2 is under 5 now.\n", ""))
    #expect(try parents == [nil, nil, 5, 2, nil, 4, 0])
    #expect(try store.ast("tree").stdout.contains("5 - branch of 4\n        └── 2 - branch of 1\n"))
    #expect(try store.astAsNobody(["tree"]).stdout == store.ast("tree").stdout)
    #expect(try Array(operations(of: 2).dropFirst()) == history)
    #expect(try store.ast("history", "--limit", "1", "2").stdout.contains("  ast move 2 --under 5"))
    // What works on trees follows the new place.
    let run = try store.ast("tree-run", "4", "true").expectSuccess()
    #expect(run.stdout == "Tree 4: 4 of 4 nodes done.\n")
    #expect(try store.ast("clone-tree", "2").expectSuccess().stdout == "Tree 7 cloned from 2: 2 nodes.\n")
    #expect(try store.ast("del", "--simulate", "4").status == 5)
    try store.ast("tag", "--delete", "golden").expectSuccess()
    #expect(try store.ast("del", "-y", "4").expectSuccess().stdout == "Node 4 with 5 below it deleted.\n")
    #expect(try Consistency.problems(of: store) == [])
    #expect(try Consistency.findingsOfDoctor(store) == [])
  }

  @Test func aTreeCanTurnRound() throws {
    #expect(try store.ast("move", "--top", "golden").expectSuccess().stdout == "Node 3 is at the top of a tree now.\n")
    try store.ast("move", "1", "--under", "golden").expectSuccess()
    try store.ast("move", "4", "--under", "branch of 1").expectSuccess()
    #expect(try parents == [nil, 3, 1, nil, 2, 4, 0])
    #expect(try store.ast("tree-run", "3", "true").expectSuccess().stdout == "Tree 3: 5 of 5 nodes done.\n")
    #expect(try Consistency.findingsOfDoctor(store) == [])
  }

  @Test func theSamePlaceIsNoChange() throws {
    let before = try store.state()
    #expect(try store.ast("move", "2", "--under", "1").expectSuccess().stdout == "Node 2 is under 1 already.\n")
    #expect(try store.ast("move", "4", "--top").expectSuccess().stdout == "Node 4 is at the top of a tree already.\n")
    let json = try store.ast("--json", "move", "4", "--top").expectSuccess().json
    #expect(json["data"] == .object(["node": .number(4), "parent": .null, "moved": .bool(false)]))
    #expect(json["transaction"] == .null)
    #expect(try store.state() == before)
  }

  @Test func whereItCannotBeNothingChanges() throws {
    let before = try store.state()
    let cases: [(arguments: [String], status: Int32, sentence: String)] = [
      (["0", "--under", "1"], 5, "node 0 is the base and cannot be moved; nothing was changed"),
      (["0", "--top"], 5, "node 0 is the base and cannot be moved; nothing was changed"),
      (["1", "--under", "0"], 5, "node 0 is the base, and no node is moved under it; nothing was changed"),
      (["6", "--under", "0"], 5, "node 0 is the base, and no node is moved under it; nothing was changed"),
      (["1", "--under", "1"], 5, "node 1 cannot be moved under itself; nothing was changed"),
      (["1", "--under", "3"], 5, "node 3 is below node 1, which cannot be moved under it; nothing was changed"),
      (["4", "--under", "5"], 5, "node 5 is below node 4, which cannot be moved under it; nothing was changed"),
      (["9", "--under", "1"], 3, "there is no node 9"), (["1", "--under", "9"], 3, "there is no node 9"),
      (["9", "--top"], 3, "there is no node 9"), (["1", "--under", "x"], 3, "there is no node “x”"),
      (["1"], 2, "one of --under and --top is needed"),
      (["1", "--top", "--under", "2"], 2, "one of --under and --top is needed"),
      (["--top"], 2, "Missing expected argument '<node>'"),
      (["1", "--under"], 2, "Missing value for '--under <node>'"),
      (["1", "--under", ""], 2, "The value '' is invalid for '--under <node>'"),
      (["1", "2", "--top"], 2, "Unexpected argument '2'"),
    ]
    for (arguments, status, sentence) in cases {
      let result = try store.ast(["move"] + arguments)
      #expect(result.status == status && result.stdout.isEmpty, "\(arguments): \(result)")
      #expect(result.stderr.lines.first == "ast: \(sentence)", "\(arguments)")
    }
    #expect(try store.astAsNobody(["move", "1", "--top"]).stderr.hasPrefix("ast: `ast move` needs root"))
    #expect(try store.state() == before)
  }

  @Test func theDatabaseIsRebuiltWithIt() throws {
    try store.ast("move", "2", "--under", "5").expectSuccess()
    try store.ast("move", "4", "--under", "6").expectSuccess()
    let before = try StoreContents(store)
    try runSuccessfully(["sh", "-c", "rm \(store.database)*"])
    try store.ast("doctor", "--rebuild").expectSuccess()
    #expect(try StoreContents(store) == before)
    // Records that people have changed: each node is somewhere.
    for (node, parent) in [(1, 2), (5, 1)] {
      let record = "\(store.root)/ast/nodes/\(node).json"
      try runSuccessfully(["sed", "-i", "s/\"isDefault\"/\"movedUnder\": \(parent), &/", record])
    }
    try runSuccessfully(["sh", "-c", "rm \(store.database)*"])
    let rebuilt = try store.ast("doctor", "--rebuild").expectSuccess()
    #expect(rebuilt.stderr.contains("is below itself in the records: it is the top of a tree now"), "\(rebuilt)")
    #expect(try TreeListing(store).data.count == 7)
    #expect(try Consistency.findingsOfDoctor(store) == [])
  }

  @Test func amongTenThousandNodes() throws {
    let tree = try TreeDatabase(opening: store.database, .writing)
    try tree.write { tree in
      for number in 7...10_000 {
        let id = NodeID(number)
        try tree.insert(
          Node(
            id: id, parent: number == 7 ? nil : NodeID(number - 1), description: "", created: Date(),
            current: GenerationNumber(1), nextGeneration: GenerationNumber(2)),
          Generation(node: id, number: GenerationNumber(1), subvolume: SubvolumeUUID(UUID()), created: Date()))
      }
      // Their links and records would take most of the time.
      try tree.forgetUnpublished((7...10_000).map { NodeID($0) })
    }
    try store.ast("move", "1", "--under", "10000").expectSuccess()
    #expect(try store.ast("move", "7", "--under", "3").stderr.hasPrefix("ast: node 3 is below node 7, which cannot"))
    try store.ast("tree-run", "1", "touch", "/x").expectSuccess()
    let operation = try #require(
      try store.ast("history", "--limit", "1", "--json").json["data"]["operations"].elements.last)
    guard case .number(let number) = operation["id"] else { throw Errno.noData }
    #expect(
      try store.ast("undo", "--operation", "t\(Int(number))").expectSuccess().stdout.lines
        == (1...3).map { "Node \($0) is at generation 1 again." })
    try store.ast("config", "-N", "3", "--set", "updates.policy=off").expectSuccess()
  }
}
