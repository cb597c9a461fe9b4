import Btrfs
import Glibc
import Host
import SnapshotTree
import SystemPackage

/// The part of a store that this machine runs from.
public enum Booted: Sendable, Equatable {
  /// A deployment.
  case deployment(Deployment)
  /// A generation itself, chosen in the boot menu to be tried.
  case trial(Generation)

  /// The node of that deployment or generation.
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
  /// Whether it is the root of the running system.
  package func isRunningRoot() throws -> Bool {
    try Subvolume.isSubvolume(at: "/") && Subvolume(at: "/").info().uuid == info().uuid
  }
}

/// The booted system, and the default one.
extension Store {
  /// The node of the default deployment; before anything is deployed, the node marked as the default.
  public func defaultNode() throws -> NodeID? {
    if let id = try tree.defaultDeployment, let deployment = try tree.deployment(id) { return deployment.node }
    return try tree.defaultNode
  }

  /// What this machine runs from, found by the UUID of the subvolume at `/`; nil if it does not run from this store.
  public func booted() throws -> Booted? {
    guard try Subvolume.isSubvolume(at: "/") else { return nil }
    let running = SubvolumeUUID(try Subvolume(at: "/").info().uuid)
    if let deployment = try tree.deployments().first(where: { $0.subvolume == running }) {
      return .deployment(deployment)
    }
    return try tree.generation(with: running).map(Booted.trial)
  }

  /// The node this machine runs from; nil if it does not run from this store.
  public func bootedNode() throws -> NodeID? { try booted()?.node }

  /// The node this machine runs from.
  ///
  /// - Throws: `AstError` (refused), with `hint` as advice, if it does not run from this store.
  public func requireBooted(hint: String) throws -> NodeID {
    guard let node = try bootedNode() else {
      throw AstError(.refused, "this system was not booted from \(root)", state: .unchanged, hint: hint)
    }
    return node
  }
}
