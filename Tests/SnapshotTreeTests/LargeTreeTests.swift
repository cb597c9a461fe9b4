import SnapshotTree
import Testing

@Suite struct LargeTreeTests {
  private static let count = 10_000

  @Test func aChainOfTenThousandNodes() throws {
    try withTree { tree in
      try tree.grow((0..<Self.count).map { $0 == 0 ? nil : $0 - 1 })
      #expect(try tree.ids == Array(0..<Self.count))
      #expect(try tree.subtree(of: .base).map(\.id.rawValue) == Array(0..<Self.count))
      #expect(try tree.subtree(of: NodeID(9_000)).count == 1_000)
      try tree.write { try $0.deleteNodes((1..<Self.count).map { NodeID($0) }) }
      #expect(try tree.ids == [0])
      #expect(try tree.doomed().count == Self.count - 1)
      #expect(try tree.nextNode == NodeID(Self.count))
    }
  }

  @Test func aChainTurnsRound() throws {
    try withTree { tree in
      try tree.grow((0..<Self.count).map { $0 < 2 ? nil : $0 - 1 })
      expectError(.parentIsBelow(NodeID(1), parent: NodeID(Self.count - 1))) {
        try tree.write { try $0.move(NodeID(1), under: NodeID(Self.count - 1)) }
      }
      try tree.write { tree in
        try tree.move(NodeID(5_000), under: nil)
        try tree.move(NodeID(1), under: NodeID(Self.count - 1))
      }
      #expect(try tree.subtree(of: NodeID(5_000)).map(\.id.rawValue) == Array(5_000..<Self.count) + Array(1..<5_000))
      let copy = tree.path.removingLastComponent().appending("copy.sqlite")
      try TreeDatabase.rebuild(at: copy, from: try tree.nodes().map { try tree.record(of: $0.id) })
      #expect(try TreeDatabase(opening: copy, .reading).nodes() == tree.nodes())
    }
  }

  @Test func tenThousandChildren() throws {
    try withTree { tree in
      try tree.grow((0..<Self.count).map { $0 == 0 ? nil : 0 })
      #expect(try tree.children(of: .base).count == Self.count - 1)
      #expect(try tree.subtree(of: .base).map(\.id.rawValue) == Array(0..<Self.count))
      var listed = 0
      try tree.forEachNode { id, parent, _ in
        #expect(id.rawValue == listed && (parent == .base) == (listed > 0))
        listed += 1
      }
      #expect(listed == Self.count)
    }
  }
}
