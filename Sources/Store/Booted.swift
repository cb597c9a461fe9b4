import Btrfs
import Glibc
import Host
import SnapshotTree
import SystemPackage

/// What this machine runs from.
public enum Booted: Sendable, Equatable {
  /// A deployment.
  case deployment(Deployment)
  /// A generation itself, chosen in the boot menu to be tried.
  case trial(Generation)

  /// The node it is of.
  public var node: NodeID {
    switch self {
    case .deployment(let deployment): deployment.node
    case .trial(let generation): generation.node
    }
  }

  /// The deployment; nil on trial.
  public var deployment: Deployment? {
    if case .deployment(let deployment) = self { deployment } else { nil }
  }
}

extension Subvolume {
  /// Whether it is the root of the system that runs.
  package func isRunningRoot() throws -> Bool {
    try Subvolume.isSubvolume(at: "/") && Subvolume(at: "/").info().uuid == info().uuid
  }
}

/// What is booted, and what would be.
extension Store {
  /// The node of the default deployment; before anything is deployed, the node marked as the default.
  public func defaultNode() throws -> NodeID? {
    if let id = try tree.defaultDeployment, let deployment = try tree.deployment(id) { return deployment.node }
    return try tree.defaultNode
  }

  /// What this machine runs from; nil when that is nothing of this store. Told by the UUID of the subvolume at `/`.
  public func booted() throws -> Booted? {
    guard try Subvolume.isSubvolume(at: "/") else { return nil }
    let running = SubvolumeUUID(try Subvolume(at: "/").info().uuid)
    if let deployment = try tree.deployments().first(where: { $0.subvolume == running }) {
      return .deployment(deployment)
    }
    return try tree.generation(with: running).map(Booted.trial)
  }

  /// The node this machine runs from; nil when it does not run from this store.
  public func bootedNode() throws -> NodeID? { try booted()?.node }

  /// The node this machine runs from.
  ///
  /// - Throws: `AstError` (refused) where it does not run from this store; `hint` is what to do instead.
  public func requireBooted(hint: String) throws -> NodeID {
    guard let node = try bootedNode() else {
      throw AstError(.refused, "this system was not booted from \(root)", state: .unchanged, hint: hint)
    }
    return node
  }
}
