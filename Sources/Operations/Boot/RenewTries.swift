import Host
import SnapshotTree
import Store

/// After hibernation: the menu counted a try of a deployment that did not start, because the kernel found the memory of
/// the running system and went on with that.
extension Store {
  /// Lets the count of tries begin anew for the default deployment, if it has not been marked good, and lets a boot that
  /// happens once still happen.
  ///
  /// - Returns: the deployments.
  public func renewTries() throws -> [DeploymentID] { try renewTries(of: booted()) }

  func renewTries(of booted: Booted?) throws -> [DeploymentID] {
    guard booted != nil, try !countedDeployments().isEmpty else { return [] }
    return try change {
      let (untried, once) = try (untriedDefault(), tree.onceDeployment.flatMap(tree.deployment))
      if let untried {
        try tree.setDefaultDeployment(untried.id, token: recordOperation("resume", on: untried.node))
      }
      if let once { try tree.setOnceDeployment(once.id, token: recordOperation("resume", on: once.node)) }
      return [untried, once].compactMap { $0?.id }
    }
  }

  private func countedDeployments() throws -> [DeploymentID] {
    try [untriedDefault()?.id, tree.onceDeployment].compactMap(\.self)
  }

  private func untriedDefault() throws -> Deployment? {
    guard let id = try tree.defaultDeployment, let deployment = try tree.deployment(id) else { return nil }
    return deployment.state == .trying ? deployment : nil
  }
}
