import Host
import SnapshotTree
import Store

/// `clone-tree`: a node and everything below it, copied beside it, as one change.
extension Store {
  /// Several nodes that one operation made or deleted: the top of their tree first, each after its parent.
  public struct Changed: Sendable {
    /// The nodes.
    public let nodes: [Node]
    /// The operation.
    public let operation: OperationID
  }

  /// Copies `top` and its descendants; the copy of `top` is its sibling. All copies become visible at once, or none
  /// does.
  public func cloneTree(_ top: NodeID) throws -> Changed {
    try change {
      let operation = try recordOperation("clone-tree")
      let originals = try subtree(top)
      var copies: [NodeID: NodeID] = [:]
      let new = try originals.map { original in
        let id = try allocateNode()
        copies[original.id] = id
        return NewNode(
          id: id, parent: original.id == top ? original.parent : original.parent.flatMap { copies[$0] },
          description: original.id == top || original.id == .base ? "clone of \(original.id)" : original.description,
          origin: try current(original))
      }
      let made = try make(new, operation)
      return Changed(nodes: made, operation: operation)
    }
  }

  /// A node and its descendants, each after its parent.
  public func subtree(_ top: NodeID) throws -> [Node] {
    let nodes = try tree.subtree(of: top)
    guard !nodes.isEmpty else { throw AstError.unknown(top) }
    return nodes
  }
}
