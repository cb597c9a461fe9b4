import FoundationEssentials
import SnapshotTree
import Testing

@Suite struct NodeTests {
  @Test func aNodeComesBackAsItWasInserted() throws {
    try withTree { tree in
      #expect(try tree.ids == [])
      #expect(try tree.nextNode == .base)
      var first = node(0, nil, "base")
      first.created = Date(timeIntervalSince1970: 1_700_000_000.75)
      try tree.write { tree in
        #expect(try tree.allocateNode() == .base)
        try tree.insert(first, generation(0, 1))
        try tree.insert(node(1, 0, "web"), generation(1, 1))
      }
      first.created = noon
      #expect(try tree.nodes() == [first, node(1, 0, "web")])
      #expect(try tree.node(NodeID(1)) == node(1, 0, "web"))
      #expect(try tree.node(NodeID(2)) == nil)
      #expect(try tree.nextNode == NodeID(2))
      #expect(try tree.generations() == [generation(0, 1), generation(1, 1)])
      #expect(try tree.currentGenerations() == [generation(0, 1), generation(1, 1)])
      #expect(try tree.unpublished() == [.base, NodeID(1)])
    }
  }

  @Test(arguments: [
    "", "web server", "tab\tand\nnewline", "quotes ' \" `", "é and e\u{301}", "日本 🌲 \u{202e}", "nul\0inside",
    "\u{1b}[31mred", String(repeating: "long ", count: 20_000),
  ])
  func descriptionsAreKeptByteForByte(_ text: String) throws {
    try withTree { tree in
      try tree.grow([nil, 0])
      try tree.write { tree in try tree.setDescription(text, of: NodeID(1)) }
      #expect(try tree.node(NodeID(1)).map { Array($0.description.utf8) } == Array(text.utf8))
      var seen: [[UInt8]] = []
      try tree.forEachNode { _, _, description in seen.append(Array(description.utf8)) }
      #expect(seen == [[], Array(text.utf8)])
    }
  }

  @Test func relativesAreFound() throws {
    //        0          5
    //      / | \        |
    //     1  2  4       7
    //     |  |
    //     6  3
    try withTree { tree in
      try tree.grow([nil, 0, 0, 2, 0, nil, 1, 5])
      func ids(_ nodes: [Node]) -> [Int] { nodes.map(\.id.rawValue) }
      #expect(ids(try tree.children(of: .base)) == [1, 2, 4])
      #expect(ids(try tree.children(of: nil)) == [0, 5])
      #expect(ids(try tree.children(of: NodeID(7))) == [])
      #expect(ids(try tree.subtree(of: .base)) == [0, 1, 6, 2, 3, 4])
      #expect(ids(try tree.subtree(of: NodeID(2))) == [2, 3])
      #expect(ids(try tree.subtree(of: NodeID(9))) == [])
      var listed: [[Int?]] = []
      try tree.forEachNode { id, parent, _ in listed.append([id.rawValue, parent?.rawValue]) }
      #expect(listed == [[0, nil], [1, 0], [2, 0], [3, 2], [4, 0], [5, nil], [6, 1], [7, 5]])
    }
  }

  @Test func aParentIsANodeThatExists() throws {
    try withTree { tree in
      try tree.grow([nil, 0])
      expectError(.unknownNode(NodeID(2))) {
        try tree.write { try $0.insert(node(2, 2), generation(2, 1)) }
      }
      expectError(.unknownNode(NodeID(3))) {
        try tree.write { try $0.insert(node(2, 3), generation(2, 1)) }
      }
      try tree.write { tree in
        try tree.insert(node(2, 0), generation(2, 1))
        try tree.deleteNodes([NodeID(2)])
      }
      expectError(.unknownNode(NodeID(2))) { try tree.write { try $0.insert(node(3, 2), generation(3, 1)) } }
      #expect(try tree.ids == [0, 1])
    }
  }

  @Test func aNodeComesWithItsGeneration() throws {
    try withTree { (tree) throws in
      expectError(.mismatch(.base, GenerationNumber(1))) {
        try tree.write { try $0.insert(node(0, nil), generation(1, 1)) }
      }
      expectError(.mismatch(.base, GenerationNumber(2))) {
        try tree.write { try $0.insert(node(0, nil), generation(0, 2)) }
      }
      let odd = Node(
        id: .base, parent: nil, description: "", created: noon, current: GenerationNumber(1),
        previous: GenerationNumber(0), nextGeneration: GenerationNumber(2))
      expectConstraint { try tree.write { try $0.insert(odd, generation(0, 1)) } }
      #expect(try tree.ids == [])
    }
  }

  @Test func numbersAreNeverGivenTwice() throws {
    try withTree { tree in
      try tree.grow([nil, 0, 0])
      expectError(.nodeNumberUsed(NodeID(2))) { try tree.write { try $0.insert(node(2, 0), generation(2, 1)) } }
      try tree.write { try $0.deleteNodes([NodeID(2)]) }
      #expect(try tree.nextNode == NodeID(3))
      expectError(.nodeNumberUsed(NodeID(2))) { try tree.write { try $0.insert(node(2, 0), generation(2, 1)) } }
      let given = try tree.write { tree in [try tree.allocateNode(), try tree.allocateNode()] }
      #expect(given == [NodeID(3), NodeID(4)])
      try tree.write { try $0.insert(node(3, 0), generation(3, 1)) }
      expectError(.nodeNumberUsed(NodeID(3))) { try tree.write { try $0.insert(node(3, 0), generation(3, 1)) } }
      try tree.write { try $0.insert(node(9, 0), generation(9, 1)) }
      #expect(try tree.nextNode == NodeID(10))
    }
  }

  @Test func anUndoneTransactionGivesItsNumbersBack() throws {
    struct Failure: Error {}
    try withTree { tree in
      #expect(throws: Failure.self) {
        try tree.write { tree in
          #expect(try tree.allocateNode() == .base)
          throw Failure()
        }
      }
      #expect(try tree.nextNode == .base)
      try tree.grow([nil, 0])
      try tree.write { try $0.deleteNodes([NodeID(1)]) }
      expectError(.nodeNumberUsed(NodeID(1))) { try tree.write { try $0.insert(node(1, 0), generation(1, 1)) } }
    }
  }

  @Test func whoDoesNotExistCannotBeDescribed() throws {
    try withTree { tree in
      expectError(.unknownNode(NodeID(7))) { try tree.write { try $0.setDescription("x", of: NodeID(7)) } }
    }
  }

  @Test func farTimesDoNotHurt() throws {
    try withTree { tree in
      try tree.grow([nil])
      for (id, time) in [1e300, -1e300, .infinity, .nan, -1.5].enumerated() {
        var far = node(id + 1, 0)
        far.created = Date(timeIntervalSince1970: time)
        try tree.write { try $0.insert(far, generation(id + 1, 1)) }
      }
      #expect(try tree.node(NodeID(5))?.created == Date(timeIntervalSince1970: -2))
    }
  }
}
