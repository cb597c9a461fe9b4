import Host
import SnapshotTree
import Store

/// `undo --operation`: takes back what one command did, in all of its nodes or in none.
extension Store {
  /// The nodes that are what they were before a command.
  public struct Undone: Sendable {
    /// The nodes, by number.
    public let nodes: [Node]
    /// The nodes that the command has not changed because it failed there, by number.
    public let leftOut: [NodeID]
    /// The first operation with which it was taken back.
    public let operation: OperationID
  }

  /// Puts back the generation that each node had before a command, as one change. What the command made stays as the
  /// previous generation of each node, so this can be taken back in the same way.
  ///
  /// - Parameter id: any operation of the command.
  /// - Throws: `AstError`: refused if a node was changed or deleted since; then all nodes are unchanged.
  public func undoCommand(with id: OperationID) throws -> Undone {
    var held: [NodeID: Lock] = [:]
    defer { withExtendedLifetime(held) {} }
    let nodes = Set(try changes(of: operations(with: id)).map(\.node))
    // In the order in which `del` takes them: two commands never wait for each other.
    for node in try tree.children(of: nil).flatMap({ try tree.subtree(of: $0.id) }) where nodes.contains(node.id) {
      held[node.id] = try lock(node.id)
    }
    return try change(holding: Array(held.keys)) {
      // A command that was killed has an end now.
      let operations = try operations(with: id)
      let changes = try changes(of: operations)
      let targets = try targets(of: changes, by: operations[0].id)
      var undone: [Node] = []
      var first: OperationID?
      for (change, target) in zip(changes, targets) {
        let operation = try recordOperation("undo", on: change.node, from: change.made, to: target)
        first = first ?? operation
        try tree.exchangeCurrent(change.node, with: target)
        failPoint("node taken back")
        undone.append(try node(change.node))
      }
      guard let first else { throw AstError.nothingToUndo(operations) }
      let changed = Set(changes.map(\.node))
      let leftOut = Set(operations.filter { [.failed, .interrupted].contains($0.state) }.compactMap(\.node))
      return Undone(nodes: undone, leftOut: leftOut.subtracting(changed).sorted(), operation: first)
    }
  }

  private func operations(with id: OperationID) throws -> [Operation] {
    let operations = try tree.operations(ofCommandWith: id)
    guard let first = operations.first else {
      throw AstError(.notFound, "there is no transaction t\(id)", state: .unchanged, hint: "`ast history` lists them")
    }
    for running in operations where running.state == .running {
      guard try isAtWork(running) else { continue }
      throw AstError(
        .busy, "the command of t\(first.id) (\(first.kind)) is still at work", state: .unchanged,
        hint: "wait for its end")
    }
    return operations
  }

  /// What a command did to each node, by node.
  private func changes(of operations: [Operation]) throws -> [NodeUndo] {
    var changes: [NodeID: NodeUndo] = [:]
    for operation in operations {
      guard let node = operation.node, let change = operation.change else { continue }
      let earlier = changes[node]
      guard earlier?.made ?? change.from == change.from else {
        throw AstError.cannotUndo(operations[0].id, "another command changed node \(node) meanwhile", [])
      }
      changes[node] = NodeUndo(node: node, before: earlier?.before ?? change.from, made: change.to)
    }
    guard !changes.isEmpty else { throw AstError.nothingToUndo(operations) }
    return changes.values.sorted { $0.node < $1.node }
  }

  /// The generations to which the nodes go back, if nothing was done to any of them since.
  private func targets(of changes: [NodeUndo], by first: OperationID) throws -> [GenerationNumber] {
    let obstacles = try changes.map(obstacle)
    if let obstacle = obstacles.lazy.compactMap(\.self).first {
      let others = zip(changes, obstacles).filter { $1 == nil }.map(\.0)
      throw AstError.cannotUndo(first, obstacle, others)
    }
    return changes.map(\.before)
  }

  /// The reason why a node cannot go back; nil if it can.
  private func obstacle(to change: NodeUndo) throws -> String? {
    guard let node = try tree.node(change.node) else { return "node \(change.node) was deleted since" }
    guard node.current == change.made else {
      let what = node.current == change.before ? "was taken back already" : "was changed since"
      return "node \(node.id) \(what): its content is generation \(node.current), not \(change.made)"
    }
    guard let earlier = try tree.generation(of: node.id, change.before) else {
      return "generation \(change.before) of node \(node.id) is no longer kept"
    }
    _ = try subvolume(of: earlier)
    return nil
  }
}

/// What a command did to a node.
private struct NodeUndo {
  let node: NodeID
  /// The generation before the command.
  let before: GenerationNumber
  /// The generation that it made.
  let made: GenerationNumber
}

extension AstError {
  fileprivate static func nothingToUndo(_ operations: [Operation]) -> AstError {
    let first = operations.first.map { "t\($0.id) (\($0.kind))" } ?? "it"
    return AstError(
      .nothingToDo, "\(first) has not changed the content of a node", state: .unchanged,
      hint: "`ast history` shows what was done")
  }

  fileprivate static func cannotUndo(_ first: OperationID, _ reason: String, _ others: [NodeUndo]) -> AstError {
    let commands = others.prefix(3).map { "`ast undo --to \($0.before) \($0.node)`" }
    let more = others.count > commands.count ? " and so on" : ""
    return AstError(
      .refused, "t\(first) cannot be taken back as a whole: \(reason)", state: .unchanged,
      hint: commands.isEmpty
        ? "`ast history` shows what was done"
        : "take the others back by themselves: \(commands.joined(separator: ", "))\(more)")
  }
}
