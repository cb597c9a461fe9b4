import SQLite
import TestSupport
import Testing

@testable import SnapshotTree

@Suite("Moved nodes") struct MoveTests {
  /// 0, and the trees 1 > 2 > 3 and 4 > 5.
  private func withTrees(_ body: (TreeDatabase) throws -> Void) throws {
    try withTree { tree in
      try tree.grow([nil, nil, 1, 2, nil, 4])
      try tree.write { try $0.forgetUnpublished(try $0.unpublished()) }
      try body(tree)
    }
  }

  private func parents(_ tree: TreeDatabase) throws -> [Int?] { try tree.nodes().map { $0.parent?.rawValue } }

  @Test func aNodeTakesItsTreeWithIt() throws {
    try withTrees { (tree) throws in
      try tree.write { try $0.move(NodeID(2), under: NodeID(5)) }
      #expect(try parents(tree) == [nil, nil, 5, 2, nil, 4])
      #expect(try tree.subtree(of: NodeID(4)).map(\.id.rawValue) == [4, 5, 2, 3])
      #expect(try tree.children(of: NodeID(5)).map(\.id.rawValue) == [2])
      #expect(try tree.unpublished() == [NodeID(2)])
      try tree.write { try $0.move(NodeID(2), under: nil) }
      #expect(try tree.children(of: nil).map(\.id.rawValue) == [0, 1, 2, 4])
      // A tree can turn round.
      try tree.write { tree in
        try tree.move(NodeID(3), under: nil)
        try tree.move(NodeID(2), under: NodeID(3))
        try tree.move(NodeID(1), under: NodeID(2))
      }
      #expect(try tree.subtree(of: NodeID(3)).map(\.id.rawValue) == [3, 2, 1])
      try tree.write { try $0.deleteNodes([NodeID(1), NodeID(2), NodeID(3)]) }
      #expect(try tree.ids == [0, 4, 5])
    }
  }

  @Test func aNodeIsNeverBelowItself() throws {
    try withTrees { (tree) throws in
      for (node, parent) in [(1, 1), (1, 2), (1, 3), (4, 5)] {
        expectError(.parentIsBelow(NodeID(node), parent: NodeID(parent))) {
          try tree.write { try $0.move(NodeID(node), under: NodeID(parent)) }
        }
      }
      expectError(.baseNotMovable) { try tree.write { try $0.move(.base, under: NodeID(1)) } }
      expectError(.unknownNode(NodeID(9))) { try tree.write { try $0.move(NodeID(9), under: nil) } }
      expectError(.unknownNode(NodeID(9))) { try tree.write { try $0.move(NodeID(1), under: NodeID(9)) } }
      #expect(try parents(tree) == [nil, nil, 1, 2, nil, 4])
      #expect(try tree.unpublished() == [])
    }
  }

  @Test func aRingIsFoundInADamagedTree() throws {
    try withTemporaryDirectory { directory in
      let path = directory.appending("tree.sqlite")
      try TreeDatabase.create(at: path)
      try TreeDatabase(opening: path, .writing).grow([nil, nil, 1, 2, 3])
      try runSuccessfully(["sqlite3", path.string, "UPDATE node SET parent = 3 WHERE id = 1"])
      let tree = try TreeDatabase(opening: path, .writing)
      #expect(try tree.integrityProblems() == (1...4).map { "node \($0) is below itself, or below one that is" })
      #expect(try tree.isBelow(NodeID(1), NodeID(3)) && !tree.isBelow(NodeID(1), NodeID(4)))
      #expect(try tree.subtree(of: NodeID(1)).count < 20)
      try tree.write { try $0.move(NodeID(1), under: nil) }
      #expect(try tree.integrityProblems() == [])
    }
  }

  /// A parent with a higher number has a member of its own, which ast 0.1.0 passes over.
  @Test func recordsRestoreThePlace() throws {
    try withTrees { (tree) throws in
      try tree.write { try $0.move(NodeID(2), under: NodeID(5)) }
      let text = String(decoding: try tree.record(of: NodeID(2)).json(), as: UTF8.self)
      #expect(text.contains("  \"movedUnder\" : 5,\n") && !text.contains("\"parent\""), "\(text)")
      let older = text.replacing("  \"movedUnder\" : 5,\n", with: "")
      #expect(try NodeRecord(json: older.utf8).node.parent == nil)
      // As ast 0.1.0 writes it.
      let written = older.replacing("\"id\" : 2,", with: "\"id\" : 2, \"parent\" : 5,")
      #expect(try NodeRecord(json: written.utf8) == tree.record(of: NodeID(2)))
      let records = try tree.nodes().map { try NodeRecord(json: tree.record(of: $0.id).json()) }
      let copy = tree.path.removingLastComponent().appending("copy.sqlite")
      try TreeDatabase.rebuild(at: copy, from: records)
      #expect(try TreeDatabase(opening: copy, .reading).nodes() == tree.nodes())
    }
  }

  @Test func recordsOfARingAreRefused() throws {
    try withTrees { (tree) throws in
      var records = try tree.nodes().map { try tree.record(of: $0.id) }
      records[1].node.parent = NodeID(3)
      let copy = tree.path.removingLastComponent().appending("copy.sqlite")
      let error = #expect(throws: TreeError.self) { try TreeDatabase.rebuild(at: copy, from: records) }
      guard case .invalidRecord(NodeID(1), _) = error else {
        Issue.record("\(String(describing: error))")
        return
      }
    }
  }

  @Test func theCopyForUsersFollows() throws {
    try withTrees { (tree) throws in
      let copy = tree.path.removingLastComponent().appending("public.sqlite")
      for parent in [NodeID(5), nil, NodeID(4)] {
        try tree.write { try $0.move(NodeID(2), under: parent) }
        try tree.writePublicCopy(to: copy, boot: "b")
        #expect(try TreeDatabase(openingPublicCopy: copy).nodes() == tree.nodes())
      }
    }
  }

  /// What refers to nodes outlives the table that is made anew, and so does what keeps an older ast from deleting them.
  @Test func theMigrationKeepsEverything() throws {
    try withTemporaryDirectory { directory in
      let path = directory.appending("tree.sqlite")
      try Connection(to: path, .creating).execute(firstSchema)
      let old = try Connection(to: path, .writing)
      try old.execute("PRAGMA foreign_keys = ON")
      try old.transaction { try old.migrate(Array(Schema.current.migrations.prefix(3))) }
      try old.execute(
        """
        INSERT INTO node_role VALUES ('default', 1);
        INSERT INTO tag VALUES ('web', 1, NULL), ('first', 1, 1);
        INSERT INTO generation_pin VALUES (0, 1);
        """)
      let tables = ["node", "generation", "tag", "generation_pin", "node_role", "deployment", "deployment_role"]
      let before = try tables.map { try old.rows("SELECT * FROM \($0)") }
      let tree = try TreeDatabase(opening: path, .writing)
      #expect(try tables.map { try old.rows("SELECT * FROM \($0)") } == before)
      #expect(try tree.integrityProblems() == [])
      #expect(throws: SQLiteError.self) { try old.run("DELETE FROM node WHERE id = 1") }
      #expect(throws: SQLiteError.self) { try old.run("INSERT INTO tag VALUES ('x', 9, NULL)") }
      let queries = try old.rows("EXPLAIN QUERY PLAN SELECT id FROM node WHERE parent = 1")
      #expect("\(queries)".contains("node_by_parent"), "\(queries)")
      try tree.write { try $0.insert(node(3, 1), generation(3, 1)) }
      try tree.write { try $0.move(NodeID(1), under: nil) }
    }
  }
}
