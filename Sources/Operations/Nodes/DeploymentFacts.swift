import SnapshotTree
import Store

/// The facts about a deployment.
public struct DeploymentFacts: Sendable {
  /// The deployment.
  public let deployment: Deployment
  /// The description of its node.
  public let description: String
  /// Whether it boots by default.
  public let isDefault: Bool
  /// Whether it is running.
  public let isBooted: Bool
  /// Whether the machine falls back to it.
  public let isPrevious: Bool
  /// Whether it boots the next time, and only then.
  public let isOnce: Bool
  /// The tags of its generation, and those of its node.
  public let tags: [TagName]
}

/// `deployments`: the deployments and their roles.
extension Store {
  /// All deployments, newest first.
  public func deploymentFacts() throws -> [DeploymentFacts] {
    let (byDefault, previous, once) = (
      try tree.defaultDeployment, try tree.previousDeployment, try tree.onceDeployment
    )
    let running = try booted()?.deployment?.id
    let tags = Dictionary(grouping: try tree.tags(), by: \.node)
    return try tree.deployments().reversed().map { deployment in
      let id = deployment.id
      return DeploymentFacts(
        deployment: deployment, description: try node(deployment.node).description, isDefault: id == byDefault,
        isBooted: id == running, isPrevious: id == previous, isOnce: id == once,
        tags: (tags[deployment.node] ?? []).filter { ($0.generation ?? deployment.generation) == deployment.generation }
          .map(\.name))
    }
  }
}
