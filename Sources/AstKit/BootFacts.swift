import Glibc
import SnapshotTree

/// What is booted, and what would be.
extension Store {
  /// The node of the default deployment; before anything is deployed, the node marked as the default.
  public func defaultNode() throws -> NodeID? {
    if let id = try tree.defaultDeployment, let deployment = try tree.deployment(id) { return deployment.node }
    return try tree.defaultNode
  }

  /// The node of the deployment this machine runs from; nil when it does not run from this store.
  ///
  /// A subvolume has one device number wherever it is mounted, so `/` is compared with each deployment's root.
  public func bootedNode() throws -> NodeID? {
    var running = stat()
    guard stat("/", &running) == 0 else { return nil }
    return try tree.deployments().first { deployment in
      var deployed = stat()
      return stat(root.appending("deploy/\(deployment.id)/root").string, &deployed) == 0
        && deployed.st_dev == running.st_dev && deployed.st_ino == running.st_ino
    }?.node
  }

  /// The node this machine runs from.
  ///
  /// - Throws: `AstError` (refused) where it does not run from this store; `hint` is what to do instead.
  public func requireBooted(hint: String) throws -> NodeID {
    guard let node = try bootedNode() else {
      throw AstError(.refused, "this system was not booted from \(root); nothing was changed", hint: hint)
    }
    return node
  }
}
