import Host
import SnapshotTree
import Store

/// `undo`: puts back an earlier generation of a node.
extension Store {
  /// Makes `generation` the node's current one, or, if it is nil, the generation that was current before. The present
  /// one stays, so undoing again puts it back.
  public func undo(_ id: NodeID, to generation: GenerationNumber? = nil) throws -> Made {
    let held = try node(id)
    let lock = try lock(held.id)
    defer { withExtendedLifetime(lock) {} }
    return try change(holding: [id]) {
      let node = try node(id)
      guard let target = generation ?? node.previous else {
        throw AstError(
          .refused, "node \(id) has no earlier generation to go back to", state: .unchanged,
          hint: "`ast history \(id)` shows its generations")
      }
      guard let earlier = try tree.generation(of: id, target) else {
        throw AstError(
          .notFound, "node \(id) has no generation \(target)", state: .unchanged,
          hint: "`ast history \(id)` shows its generations")
      }
      guard target != node.current else {
        throw AstError(.nothingToDo, "generation \(target) is already the content of node \(id)", state: .unchanged)
      }
      _ = try subvolume(of: earlier)
      let operation = try recordOperation("undo", on: id, from: node.current, to: target)
      try tree.exchangeCurrent(id, with: target)
      return Made(node: try self.node(id), operation: operation)
    }
  }
}
