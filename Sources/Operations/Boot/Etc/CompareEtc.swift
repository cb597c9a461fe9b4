import Btrfs
import Etc
import Host
import Rootfs
import SnapshotTree
import Store
import SystemPackage

/// A /etc in use, and the /etc that it was made from.
public struct UsedEtc: Sendable {
  /// The node that it belongs to.
  public let node: NodeID
  /// The deployment that it is in; nil if a generation runs on trial.
  public let deployment: DeploymentID?
  /// The roots with both of them.
  let source: EtcSource
}

/// The changes in a /etc since it was made from its generation.
public struct EtcComparison: Sendable {
  /// The /etc.
  public let etc: UsedEtc
  /// The differences from the generation, in the order of paths.
  public let changes: [EtcChange]
}

/// `etc-diff`. Needs root, because only root may read some files in /etc.
extension Store {
  /// Compares the /etc of a deployment with that of its generation. Without a number: the /etc of the booted system, or
  /// else of the default deployment.
  public func compareEtc(of id: DeploymentID? = nil) throws -> EtcComparison {
    let etc = try usedEtc(id)
    let trees = try EtcTree.read([etc.source.pristine, etc.source.root])
    return EtcComparison(etc: etc, changes: EtcChange.changes(from: trees[0].node, to: trees[1].node))
  }

  /// The /etc of this deployment; without a number, of the booted system, or else of the default deployment.
  func usedEtc(_ id: DeploymentID? = nil) throws -> UsedEtc {
    if id == nil, case .trial(let running) = try booted() {
      let source = EtcSource(root: "/", pristine: try subvolume(of: running).path)
      return UsedEtc(node: running.node, deployment: nil, source: source)
    }
    let deployment = try deployment(id)
    return UsedEtc(node: deployment.node, deployment: deployment.id, source: try etcSource(of: deployment))
  }

  private func deployment(_ id: DeploymentID?) throws -> Deployment {
    if let id {
      guard let deployment = try tree.deployment(id) else {
        throw AstError(.notFound, "there is no deployment \(id)", hint: "`ast deployments` shows them")
      }
      return deployment
    }
    guard let used = try booted()?.deployment ?? tree.defaultDeployment.flatMap(tree.deployment) else {
      throw AstError(.notFound, "nothing is deployed from \(root)", hint: "`ast deploy` deploys a node")
    }
    return used
  }

  /// The root with a deployment's /etc, and the root with the /etc that it was made from.
  func etcSource(of deployment: Deployment) throws -> EtcSource {
    guard let generation = try tree.generation(of: deployment.node, deployment.generation) else {
      throw AstError(.damaged, "the generation of deployment \(deployment.id) is missing", hint: "run `ast doctor`")
    }
    let isRunning = try booted()?.deployment?.id == deployment.id
    return EtcSource(
      root: isRunning ? "/" : path(of: deployment), pristine: try subvolume(of: generation).path)
  }
}
