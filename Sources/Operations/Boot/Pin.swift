import Host
import SnapshotTree
import Store

/// `pin`, `unpin`.
extension Store {
  /// Pins a deployment, which keeps it, or unpins it.
  ///
  /// - Returns: the operation; nil if there was nothing to do.
  public func setPinned(_ isPinned: Bool, _ id: DeploymentID) throws -> OperationID? {
    try change {
      guard let deployment = try tree.deployment(id) else { throw AstError.unknown(id) }
      guard deployment.isPinned != isPinned else { return nil }
      let operation = try recordOperation(isPinned ? "pin" : "unpin", on: deployment.node)
      try tree.setPinned(isPinned, id)
      return operation
    }
  }
}

extension AstError {
  static func unknown(_ deployment: DeploymentID) -> AstError {
    AstError(
      .notFound, "there is no deployment \(deployment)", state: .unchanged, hint: "`ast deployments` lists them")
  }
}
