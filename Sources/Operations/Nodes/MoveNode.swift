import Host
import SnapshotTree
import Store

/// `move`: another place in the tree for a node.
extension Store {
  /// A node at its place, and the operation that moved it; nil if it was there already.
  public struct Moved: Sendable {
    /// The node.
    public let node: Node
    /// The operation.
    public let operation: OperationID?
  }

  /// Puts a node, with everything below it, under another one, or at the top of a tree for nil. Numbers, contents and
  /// histories stay.
  ///
  /// - Throws: `AstError`: refused for the base, and for a place below the base, the node itself or its descendants.
  public func move(_ id: NodeID, under parent: NodeID?) throws -> Moved {
    let present = try movable(id, under: parent)
    guard present.parent != parent else { return Moved(node: present, operation: nil) }
    return try change {
      guard try movable(id, under: parent).parent != parent else { return Moved(node: try node(id), operation: nil) }
      let operation = try recordOperation("move", on: id)
      try tree.move(id, under: parent)
      failPoint("moved")
      return Moved(node: try node(id), operation: operation)
    }
  }

  /// The node, if it can be there.
  private func movable(_ id: NodeID, under parent: NodeID?) throws -> Node {
    let node = try node(id)
    guard id != .base else { throw AstError(.refused, "node 0 is the base and cannot be moved", state: .unchanged) }
    guard let parent else { return node }
    guard parent != .base else {
      throw AstError(
        .refused, "node 0 is the base, and no node is moved under it", state: .unchanged,
        hint: "`ast move \(id) --top` puts node \(id) at the top of a tree")
    }
    guard parent != id else { throw AstError(.refused, "node \(id) cannot be moved under itself", state: .unchanged) }
    _ = try self.node(parent)
    guard try !tree.isBelow(parent, id) else {
      throw AstError(
        .refused, "node \(parent) is below node \(id), which cannot be moved under it", state: .unchanged,
        hint: "move node \(parent) away first: `ast move \(parent) --top`")
    }
    return node
  }
}
