import Host
import SnapshotTree
import Store

/// `desc`: describes a node.
extension Store {
  /// Gives a node a new description.
  @discardableResult
  public func describe(_ id: NodeID, _ description: Description) throws -> OperationID {
    guard id != .base else {
      throw AstError(
        .refused, "node 0 is the base: its description does not change", hint: "clone it and describe the clone")
    }
    return try change {
      _ = try node(id)
      let operation = try recordOperation("desc", on: id)
      try tree.setDescription(description.text, of: id)
      return operation
    }
  }
}
