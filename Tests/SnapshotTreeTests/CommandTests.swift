import SnapshotTree
import Testing

@Suite("Commands of several operations") struct CommandTests {
  private func begin(_ tree: TreeDatabase, _ kind: String, _ node: Int?, _ leader: OperationID? = nil) throws
    -> OperationID
  {
    try tree.write { tree in
      try tree.begin(
        kind, node: node.map { NodeID($0) }, command: "ast \(kind)", bootID: "boot", pid: 42, from: GenerationNumber(1),
        generation: GenerationNumber(2), leader: leader, started: noon)
    }
  }

  /// The operations 1; 2, 4 and 5 of one command; 3; 6 without a node.
  private func withCommands(_ body: (TreeDatabase) throws -> Void) throws {
    try withTree { tree in
      _ = try begin(tree, "run", 1)
      let first = try begin(tree, "sync", 1)
      _ = try begin(tree, "run", 2)
      for node in [2, 3] { _ = try begin(tree, "sync", node, first) }
      _ = try begin(tree, "scheduled-upgrade", nil)
      try body(tree)
    }
  }

  private func numbers(_ commands: [[Operation]]) -> [[Int]] { commands.map { $0.map(\.id.rawValue) } }

  @Test func areListedAsOne() throws {
    try withCommands { (tree) throws in
      #expect(try numbers(tree.commands()) == [[6], [3], [2, 4, 5], [1]])
      #expect(try numbers(tree.commands(limit: 3)) == [[6], [3], [2, 4, 5]])
      #expect(try numbers(tree.commands(limit: 0)) == [])
      #expect(try numbers(tree.commands(of: NodeID(2))) == [[3], [2, 4, 5]])
      #expect(try numbers(tree.commands(of: NodeID(3), limit: 1)) == [[2, 4, 5]])
      #expect(try numbers(tree.commands(of: NodeID(9))) == [])
      for id in [2, 4, 5] {
        #expect(try tree.operations(ofCommandWith: OperationID(id)).map(\.id.rawValue) == [2, 4, 5])
      }
      #expect(try tree.operations(ofCommandWith: OperationID(3)).map(\.id.rawValue) == [3])
      #expect(try tree.operations(ofCommandWith: OperationID(7)) == [])
      #expect(try tree.operation(OperationID(5))?.leader == OperationID(2))
    }
  }

  @Test func areInTheCopyForUsers() throws {
    try withCommands { (tree) throws in
      let copy = tree.path.removingLastComponent().appending("public.sqlite")
      try tree.writePublicCopy(to: copy, boot: "b")
      #expect(try numbers(TreeDatabase(openingPublicCopy: copy).commands()) == numbers(tree.commands()))
    }
  }

  @Test func aLeaderComesBefore() throws {
    try withCommands { (tree) throws in
      for leader in [0, 7, 8] { expectConstraint { try begin(tree, "sync", 1, OperationID(leader)) } }
    }
  }

  @Test func whatHasChangedAContentIsKnown() throws {
    try withTree { tree in
      let ids = try (0..<4).map { _ in try begin(tree, "run", 1) } + [try begin(tree, "run", nil)]
      try tree.write { tree in
        try tree.finish(ids[0], .done)
        try tree.finish(ids[1], .done, message: "nothing was changed")
        try tree.finish(ids[2], .failed)
        try tree.finish(ids[4], .done)
      }
      let changes = try ids.map { try tree.operation($0)?.change }
      #expect(changes[0]?.from == GenerationNumber(1) && changes[0]?.to == GenerationNumber(2))
      #expect(changes[1...].allSatisfy { $0 == nil })
    }
  }
}
