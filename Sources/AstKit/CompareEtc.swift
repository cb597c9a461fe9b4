import Deployment
import SnapshotTree
import SystemPackage

/// What was changed in the /etc of a deployment since it was made of its generation.
public struct EtcComparison: Sendable {
  /// The deployment.
  public let deployment: Deployment
  /// What differs from the generation, in the order of paths.
  public let changes: [EtcChange]
}

/// `etc-diff`. Needs root, for some files in /etc are for nobody else.
extension Store {
  /// Compares the /etc of a deployment with that of its generation; without a number, of the deployment that runs, or
  /// else of the default one.
  public func compareEtc(of id: DeploymentID? = nil) throws -> EtcComparison {
    let deployment = try deployment(id)
    let source = try etcSource(of: deployment)
    let trees = try EtcTree.read([source.pristine, source.root])
    return EtcComparison(
      deployment: deployment, changes: EtcChange.changes(from: trees[0].node, to: trees[1].node))
  }

  /// The deployment with a number, or else the one that runs, or else the default one.
  func deployment(_ id: DeploymentID?) throws -> Deployment {
    if let id {
      guard let deployment = try tree.deployment(id) else {
        throw AstError(.notFound, "there is no deployment \(id)", hint: "`ast deployments` shows them")
      }
      return deployment
    }
    if let running = try booted()?.deployment { return running }
    guard let usual = try tree.defaultDeployment.flatMap(tree.deployment) else {
      throw AstError(.notFound, "nothing is deployed from \(root)", hint: "`ast deploy` deploys a node")
    }
    return usual
  }

  /// Where a deployment's /etc is, and the one it was made with.
  func etcSource(of deployment: Deployment) throws -> EtcSource {
    guard let generation = try tree.generation(of: deployment.node, deployment.generation) else {
      throw AstError(.damaged, "the generation of deployment \(deployment.id) is missing", hint: "run `ast doctor`")
    }
    let isRunning = try booted()?.deployment?.id == deployment.id
    return EtcSource(
      root: isRunning ? "/" : path(of: deployment), pristine: try subvolume(of: generation).path)
  }
}
