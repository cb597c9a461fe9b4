import SnapshotTree
import SystemPackage
import TestSupport
import Testing

@Suite struct RebuildTests {
  private func records(_ tree: TreeDatabase) throws -> [NodeRecord] {
    try tree.nodes().map { node in try NodeRecord(json: tree.record(of: node.id).json()) }
  }

  @Test func aTreeIsTheSameAfterItWasRebuilt() throws {
    try withTree { tree in
      try tree.grow([nil, 0, 1, nil, 3, 0])
      try tree.write { tree in
        for number in 2...4 {
          var new = generation(2, number)
          new.operation = try tree.begin("x", node: NodeID(2), command: "x", bootID: "b", pid: 1)
          new.size = Int64(number)
          try tree.advance(NodeID(2), to: new)
        }
        try tree.exchangeCurrent(NodeID(2), with: GenerationNumber(2))
        try tree.setDescription("nul\0 and 🌲", of: NodeID(4))
        try tree.setDefaultNode(NodeID(4))
        try tree.deleteNodes([NodeID(5)])
      }
      let copy = tree.path.removingLastComponent().appending("copy.sqlite")
      let saved = try records(tree)
      try TreeDatabase.rebuild(at: copy, from: saved.reversed())
      #expect(try contents(of: tree.path.removingLastComponent()).hasPrefix("copy.sqlite\ntree.sqlite\n"))
      let rebuilt = try TreeDatabase(opening: copy, .writing)
      #expect(try rebuilt.nodes() == tree.nodes())
      #expect(try rebuilt.generations() == tree.generations())
      #expect(try records(rebuilt) == saved)
      #expect(try rebuilt.defaultNode == NodeID(4))
      #expect(try rebuilt.nextNode == NodeID(6))
      #expect(try rebuilt.unpublished() == saved.map(\.node.id))
      #expect(try rebuilt.integrityProblems() == [])
      let next = try rebuilt.write { try $0.begin("y", node: nil, command: "y", bootID: "b", pid: 1) }
      #expect(next == OperationID(4))
    }
  }

  @Test func theCallerAddsWhatRecordsDoNotHave() throws {
    try withTree { tree in
      try tree.grow([nil])
      let copy = tree.path.removingLastComponent().appending("copy.sqlite")
      try TreeDatabase.rebuild(at: copy, from: try records(tree)) { (tree) throws(TreeError) in
        try tree.insert(
          Deployment(id: DeploymentID(4), node: .base, generation: GenerationNumber(1), created: noon))
        try tree.setDefaultNode(.base)
        try tree.reserve(nodesBelow: NodeID(10))
        try tree.reserve(operationsBelow: OperationID(20))
        try tree.reserve(deploymentsBelow: DeploymentID(30))
        try tree.reserve(deploymentsBelow: DeploymentID(3))
      }
      let rebuilt = try TreeDatabase(opening: copy, .writing)
      #expect(try rebuilt.defaultNode == .base)
      try rebuilt.write { (tree) throws in
        #expect(try tree.allocateNode() == NodeID(10))
        #expect(try tree.begin("y", node: nil, command: "y", bootID: "b", pid: 1) == OperationID(20))
        #expect(try tree.allocateDeployment() == DeploymentID(30))
      }
    }
  }

  @Test func recordsThatDoNotFitMakeNoFile() throws {
    func record(_ id: Int, _ parent: Int?, _ change: (inout NodeRecord) -> Void = { _ in }) -> NodeRecord {
      var record = NodeRecord(
        node: node(id, parent), generations: [generation(id, 1)], isDefault: false, nextNode: NodeID(9))
      change(&record)
      return record
    }
    let base = record(0, nil)
    let wrong: [([NodeRecord], Int)] = [
      ([base, record(2, 1)], 2),
      ([base, record(1, 1)], 1),
      ([record(1, 2), record(2, 1)], 1),
      ([base, base], 0),
      ([base, record(1, 0) { $0.generations = [] }], 1),
      ([base, record(1, 0) { $0.node.previous = GenerationNumber(0) }], 1),
      ([base, record(1, 0) { $0.node.nextGeneration = GenerationNumber(1) }], 1),
      ([base, record(1, 0) { $0.generations = [generation(0, 1)] }], 1),
      ([base, record(1, 0) { $0.generations += [generation(1, 1)] }], 1),
      ([base, record(-1, nil)], -1),
    ]
    try withTemporaryDirectory { (directory) throws in
      for (records, node) in wrong {
        let error = #expect(throws: TreeError.self) {
          try TreeDatabase.rebuild(at: directory.appending("tree.sqlite"), from: records)
        }
        guard case .invalidRecord(NodeID(node), _) = error else {
          Issue.record("\(String(describing: error)) for \(records)")
          continue
        }
      }
      #expect(try contents(of: directory) == "")
    }
  }

  @Test func anythingThatIsThereStays() throws {
    try withTree { tree in
      try tree.grow([nil])
      expectError(.exists(tree.path)) { try TreeDatabase.rebuild(at: tree.path, from: []) }
      expectError(.exists(tree.path)) { try TreeDatabase.create(at: tree.path) }
      #expect(try tree.ids == [0])
    }
  }
}
