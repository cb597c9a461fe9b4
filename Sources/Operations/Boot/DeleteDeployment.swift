import Host
import Nodes
import SnapshotTree
import Store

/// `del d3`: one deployment.
extension Store {
  /// The deployment that `del` would delete.
  ///
  /// - Throws: `AstError`: not found; refused if the deployment is pinned, or may be needed.
  public func deletable(_ id: DeploymentID) throws -> Deployment {
    guard let deployment = try tree.deployment(id) else { throw AstError.unknown(id) }
    if let reason = try reasonToKeep(deployment) {
      throw AstError(
        .refused, "deployment \(id) \(reason) and cannot be deleted", state: .unchanged,
        hint: deployment.isPinned ? "`ast unpin d\(id)` ends that" : "`ast deployments` lists what boots when")
    }
    return deployment
  }

  /// Deletes a deployment: its row, its entry in the boot menu, then its subvolume.
  public func delete(_ id: DeploymentID) throws -> OperationID {
    let node = try deletable(id).node
    let lock = try lockUnlessFull(node, wait)
    defer { withExtendedLifetime(lock) {} }
    return try change(holding: [node]) {
      _ = try deletable(id)
      let operation = try recordOperation("del", on: node)
      try tree.delete(id)
      return operation
    }
  }

  private func reasonToKeep(_ deployment: Deployment) throws -> String? {
    let id = deployment.id
    if deployment.isPinned { return "is pinned" }
    if try booted()?.deployment?.id == id { return "is booted" }
    if try tree.defaultDeployment == id { return "is the default" }
    if try tree.onceDeployment == id { return "boots at the next start" }
    if try tree.previousDeployment == id { return "is what the machine falls back to" }
    return try neededDeployments().contains(id) ? "is the one that ran last" : nil
  }
}
