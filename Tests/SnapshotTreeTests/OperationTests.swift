import FoundationEssentials
import SnapshotTree
import Testing

@Suite struct OperationTests {
  private let later = Date(timeIntervalSince1970: 1_700_000_060)

  private func begin(_ tree: TreeDatabase, _ kind: String, _ node: Int?) throws -> OperationID {
    try tree.write { tree in
      try tree.begin(
        kind, node: node.map { NodeID($0) }, command: "ast \(kind)", bootID: "boot", pid: 42,
        from: GenerationNumber(1), generation: GenerationNumber(2), started: noon)
    }
  }

  @Test func anOperationRunsAndEnds() throws {
    try withTree { tree in
      let id = try begin(tree, "install", 1)
      var operation = Operation(
        id: id, kind: "install", node: NodeID(1), state: .running, command: "ast install", started: noon, ended: nil,
        bootID: "boot", pid: 42, generation: GenerationNumber(2), from: GenerationNumber(1), message: nil)
      #expect(try tree.operation(id) == operation)
      #expect(try tree.running() == [operation])
      try tree.write {
        try $0.finish(id, .failed, message: "no network", generation: GenerationNumber(3), ended: later)
      }
      operation.state = .failed
      operation.message = "no network"
      operation.generation = GenerationNumber(3)
      operation.ended = later
      #expect(try tree.operation(id) == operation)
      #expect(try tree.running() == [])
    }
  }

  @Test(arguments: [(OperationOutcome.done, OperationState.done), (.failed, .failed), (.interrupted, .interrupted)])
  func everyOutcomeIsAState(_ outcome: OperationOutcome, _ state: OperationState) throws {
    try withTree { tree in
      let id = try begin(tree, "x", nil)
      try tree.write { try $0.finish(id, outcome) }
      let operation = try #require(try tree.operation(id))
      #expect(operation.state == state && operation.generation == GenerationNumber(2) && operation.node == nil)
    }
  }

  @Test func anOperationEndsOnce() throws {
    try withTree { tree in
      let id = try begin(tree, "x", nil)
      try tree.write { try $0.finish(id, .done) }
      expectError(.operationNotRunning(id)) { try tree.write { try $0.finish(id, .failed) } }
      expectError(.unknownOperation(OperationID(99))) { try tree.write { try $0.finish(OperationID(99), .done) } }
      #expect(try tree.operation(id)?.state == .done)
      #expect(try tree.operation(OperationID(99)) == nil)
    }
  }

  @Test func historyIsNewestFirst() throws {
    try withTree { tree in
      try tree.grow([nil, 0])
      for (index, node) in [1, nil, 0, 1, 1].enumerated() { _ = try begin(tree, "k\(index)", node) }
      func kinds(_ operations: [Operation]) -> [String] { operations.map(\.kind) }
      #expect(kinds(try tree.history()) == ["k4", "k3", "k2", "k1", "k0"])
      #expect(kinds(try tree.history(limit: 2)) == ["k4", "k3"])
      #expect(kinds(try tree.history(of: NodeID(1), limit: nil)) == ["k4", "k3", "k0"])
      #expect(kinds(try tree.history(of: NodeID(1), limit: 1)) == ["k4"])
      #expect(kinds(try tree.history(limit: 0)) == [])
      #expect(kinds(try tree.history(limit: -1)) == [])
      #expect(kinds(try tree.running()) == ["k0", "k1", "k2", "k3", "k4"])
      try tree.write { try $0.deleteNodes([NodeID(1)]) }
      #expect(try tree.history(of: NodeID(1)).count == 3)
    }
  }

  @Test func numbersGrow() throws {
    try withTree { (tree) throws in
      #expect(try tree.nextOperation == OperationID(1))
      #expect(try (0..<3).map { try begin(tree, "k\($0)", nil).rawValue } == [1, 2, 3])
      #expect(try tree.nextOperation == OperationID(4))
    }
  }
}
