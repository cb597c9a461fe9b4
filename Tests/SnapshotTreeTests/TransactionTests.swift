import SnapshotTree
import SystemPackage
import TestSupport
import Testing

@Suite struct TransactionTests {
  private struct Failure: Error {}

  @Test func whatThrowsLeavesNoTrace() throws {
    try withTree { tree in
      try tree.grow([nil])
      #expect(throws: Failure.self) {
        try tree.write { tree in
          try tree.insert(node(1, 0), generation(1, 1))
          try tree.setDefaultNode(NodeID(1))
          throw Failure()
        }
      }
      #expect(try tree.ids == [0])
      #expect(try tree.defaultNode == nil)
      #expect(try tree.write { _ in 42 } == 42)
    }
  }

  @Test func aFailureInsideDoesNotEndTheTransaction() throws {
    try withTree { tree in
      try tree.grow([nil])
      try tree.write { tree in
        try tree.insert(node(1, 0), generation(1, 1))
        expectError(.unknownNode(NodeID(7))) { try tree.setDescription("", of: NodeID(7)) }
      }
      #expect(try tree.ids == [0, 1])
    }
  }

  @Test func aWriteInsideAnotherIsAMistakeThatIsSaid() throws {
    try withTree { tree in
      try tree.grow([nil])
      let mistake = TreeError.misuse("write inside read or write")
      try tree.write { tree in
        try tree.setDefaultNode(.base)
        expectError(mistake) { try tree.write { _ in } }
      }
      #expect(try tree.defaultNode == .base)
      try tree.read { (tree) throws in
        expectError(mistake) { try tree.write { _ in } }
        #expect(try tree.read { try $0.ids } == [0])
      }
      #expect(try tree.write { try $0.read { try $0.ids } } == [0])
      #expect(try tree.write { _ in true })
    }
  }

  @Test func aChangeOutsideWriteIsAMistakeThatIsSaid() throws {
    try withTree { tree in
      try tree.grow([nil, 0])
      let changes: [(TreeDatabase) throws -> Void] = [
        { _ = try $0.allocateNode() },
        { try $0.insert(node(2, 0), generation(2, 1)) },
        { try $0.setDescription("", of: .base) },
        { try $0.deleteNodes([NodeID(1)]) },
        { try $0.advance(.base, to: generation(0, 2)) },
        { try $0.exchangeCurrent(.base, with: GenerationNumber(1)) },
        { try $0.deleteGenerations([]) },
        { try $0.doom("x", nil) },
        { try $0.forgetDoomed("x") },
        { try $0.markUnpublished([]) },
        { try $0.forgetUnpublished([]) },
        { _ = try $0.begin("x", node: nil, command: "", bootID: "", pid: 0) },
        { try $0.finish(OperationID(1), .done) },
        { try $0.setDefaultNode(.base) },
        { try $0.setDefaultDeployment(nil) },
        { try $0.setPreviousDeployment(nil) },
        { _ = try $0.allocateDeployment() },
        { try $0.insert(Deployment(id: DeploymentID(1), node: .base, generation: GenerationNumber(1), created: noon)) },
        { try $0.delete(DeploymentID(1)) },
        { try $0.setPinned(true, DeploymentID(1)) },
        { try $0.setState(.good, of: DeploymentID(1)) },
        { _ = try $0.manifest(for: []) },
        { _ = try $0.claim(.user, "x", preferring: 1) },
        { try $0.reserve(nodesBelow: .base) },
        { try $0.reserve(operationsBelow: OperationID(1)) },
        { try $0.reserve(deploymentsBelow: DeploymentID(1)) },
      ]
      for change in changes {
        for body in [change, { tree in try tree.read { try change($0) } }] {
          let error = #expect(throws: TreeError.self) { try body(tree) }
          guard case .misuse = error else {
            Issue.record("\(String(describing: error))")
            continue
          }
        }
      }
    }
  }

  @Test func aReaderSeesOneStateAndNeverWaits() throws {
    try withTree { tree in
      try tree.grow([nil])
      let reader = try TreeDatabase(opening: tree.path, .reading)
      try reader.read { reader in
        #expect(try reader.ids == [0])
        try tree.write { tree in
          try tree.insert(node(1, 0), generation(1, 1))
          #expect(try reader.ids == [0])
          #expect(try TreeDatabase(opening: tree.path, .reading).ids == [0])
        }
        #expect(try reader.ids == [0])
      }
      #expect(try reader.ids == [0, 1])
    }
  }

  @Test func aListCanBeChangedWhileItIsRead() throws {
    try withTree { tree in
      try tree.grow([nil, 0, 0])
      try tree.write { tree in
        try tree.forEachNode { id, _, _ in try tree.setDescription("node \(id)", of: id) }
      }
      #expect(try tree.nodes().map(\.description) == ["node 0", "node 1", "node 2"])
      #expect(throws: Failure.self) { try tree.forEachNode { _, _, _ in throw Failure() } }
      #expect(try tree.ids == [0, 1, 2])
    }
  }
}
