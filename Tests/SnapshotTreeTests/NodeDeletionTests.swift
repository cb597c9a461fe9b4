import SnapshotTree
import SystemPackage
import Testing

@Suite struct NodeDeletionTests {
  @Test func rowsGoAndSubvolumesAreDoomed() throws {
    try withTree { tree in
      try tree.grow([nil, 0, 1, nil])
      try tree.write { tree in
        try tree.advance(NodeID(2), to: generation(2, 2))
        try tree.forgetUnpublished(tree.unpublished())
      }
      try tree.write { try $0.deleteNodes([NodeID(1), NodeID(2)]) }
      #expect(try tree.ids == [0, 3])
      #expect(try tree.generations() == [generation(0, 1), generation(3, 1)])
      #expect(
        try tree.doomed() == [
          DoomedSubvolume(path: "nodes/1/1", subvolume: subvolume(1, 1)),
          DoomedSubvolume(path: "nodes/2/1", subvolume: subvolume(2, 1)),
          DoomedSubvolume(path: "nodes/2/2", subvolume: subvolume(2, 2)),
        ])
      #expect(try tree.unpublished() == [.base, NodeID(1), NodeID(2)])
      try tree.write { try $0.forgetUnpublished([.base, NodeID(1), NodeID(2)]) }
      try tree.write { try $0.deleteNodes([NodeID(3)]) }
      #expect(try tree.unpublished() == [.base, NodeID(3)])
    }
  }

  @Test func whatIsNeededStays() throws {
    try withTree { tree in
      try tree.grow([nil, 0, 1, 1, 0, 0])
      try tree.write { tree in
        try tree.setDefaultNode(NodeID(4))
        for id in [1, 2] {
          try tree.insert(
            Deployment(id: DeploymentID(id), node: NodeID(5), generation: GenerationNumber(1), created: noon))
        }
      }
      func refused(_ nodes: [Int], _ error: TreeError, sourceLocation: SourceLocation = #_sourceLocation) {
        expectError(error, sourceLocation: sourceLocation) {
          try tree.write { try $0.deleteNodes(nodes.map { NodeID($0) }) }
        }
      }
      refused([0], .baseNotDeletable)
      refused([0, 1, 2, 3, 4, 5], .baseNotDeletable)
      refused([1], .nodeHasChildren(NodeID(1), [NodeID(2), NodeID(3)]))
      refused([1, 3], .nodeHasChildren(NodeID(1), [NodeID(2)]))
      refused([2, 4], .nodeIsDefault(NodeID(4)))
      refused([2, 5], .nodeIsDeployed(NodeID(5), [DeploymentID(1), DeploymentID(2)]))
      refused([2, 6], .unknownNode(NodeID(6)))
      #expect(try tree.ids == [0, 1, 2, 3, 4, 5])
      #expect(try tree.doomed() == [])
      try tree.write { tree in
        try tree.setDefaultNode(nil)
        try tree.delete(DeploymentID(1))
        try tree.delete(DeploymentID(2))
        try tree.deleteNodes([5, 4, 3, 2, 1, 1].map { NodeID($0) })
      }
      #expect(try tree.ids == [0])
      try tree.write { try $0.deleteNodes([]) }
    }
  }
}
