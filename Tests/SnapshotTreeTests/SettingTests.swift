import SnapshotTree
import Testing

@Suite struct SettingTests {
  @Test func theDefaultNodeExists() throws {
    try withTree { tree in
      try tree.grow([nil, 0])
      #expect(try tree.defaultNode == nil)
      try tree.write { try $0.setDefaultNode(.base) }
      try tree.write { try $0.setDefaultNode(NodeID(1)) }
      #expect(try tree.defaultNode == NodeID(1))
      expectError(.unknownNode(NodeID(2))) { try tree.write { try $0.setDefaultNode(NodeID(2)) } }
      try tree.write { try $0.setDefaultNode(nil) }
      #expect(try tree.defaultNode == nil)
    }
  }
}
