import Host
import SnapshotTree
import Store

/// What a rollback came to.
public struct RolledBack: Sendable {
  /// What boots by default now.
  public let deployment: Deployment
  /// What did before.
  public let before: DeploymentID
  /// Whether it is what runs already.
  public let isBooted: Bool
  /// The operation.
  public let operation: OperationID
}

/// `rollback`: another deployment becomes the default one.
extension Store {
  /// Makes the running deployment the default one, if it is not; otherwise the last good one before it.
  ///
  /// - Parameter id: the deployment to make the default one instead.
  /// - Throws: `AstError` (refused) when there is nothing to go back to.
  public func rollBack(to id: DeploymentID? = nil) throws -> RolledBack {
    try change {
      guard let present = try tree.defaultDeployment else {
        throw AstError(
          .refused, "nothing is deployed, so there is nothing to go back to", state: .unchanged,
          hint: "`ast deploy N` deploys a node")
      }
      let running = try booted()?.deployment?.id
      let target = try id ?? (running != present ? running : nil) ?? goodDeployment(before: present)
      guard let deployment = try tree.deployment(target) else { throw AstError.unknown(target) }
      guard target != present else {
        throw AstError(.refused, "deployment \(target) is the default already", state: .unchanged)
      }
      let operation = try recordOperation("rollback", on: deployment.node)
      let wasGood = try tree.deployment(present)?.state == .good
      if try tree.previousDeployment == target || wasGood {
        try tree.setPreviousDeployment(wasGood ? present : nil)
      }
      // One that failed is tried again: whoever names it knows that.
      if deployment.state == .failed { try tree.setState(.trying, of: target) }
      try tree.setDefaultDeployment(target, token: operation)
      try tree.setOnceDeployment(nil, token: nil)
      return RolledBack(
        deployment: deployment, before: present, isBooted: target == running, operation: operation)
    }
  }

  private func goodDeployment(before present: DeploymentID) throws -> DeploymentID {
    let candidates = try [tree.previousDeployment].compactMap(\.self) + tree.deployments().reversed().map(\.id)
    let good = try candidates.first { try $0 != present && tree.deployment($0)?.state == .good }
    guard let good else {
      throw AstError(
        .refused, "there is no other deployment that is known to be good", state: .unchanged,
        hint: "`ast deployments` lists what there is; `ast rollback --to D` goes to one of them all the same")
    }
    return good
  }
}
