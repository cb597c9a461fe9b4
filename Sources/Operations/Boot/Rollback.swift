import Host
import SnapshotTree
import Store

/// The result of a rollback.
public struct RolledBack: Sendable {
  /// The new default deployment.
  public let deployment: Deployment
  /// The default deployment before.
  public let before: DeploymentID
  /// Whether the new one is already running.
  public let isBooted: Bool
  /// The operation.
  public let operation: OperationID
}

/// `rollback`: another deployment becomes the default one.
extension Store {
  /// Makes the running deployment the default one. If it is already, makes the last good deployment before it the
  /// default.
  ///
  /// - Parameter id: the deployment to make the default one instead.
  /// - Throws: `AstError` (refused) if there is nothing to go back to.
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
        throw AstError(.nothingToDo, "deployment \(target) is the default already", state: .unchanged)
      }
      let operation = try recordOperation("rollback", on: deployment.node)
      let wasGood = try tree.deployment(present)?.state == .good
      if try tree.previousDeployment == target || wasGood {
        try tree.setPreviousDeployment(wasGood ? present : nil)
      }
      // A failed deployment is tried again: the user named it on purpose.
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
        .refused, "no other deployment is known to be good", state: .unchanged,
        hint: "`ast deployments` lists them; `ast rollback --to D` goes back to one of them anyway")
    }
    return good
  }
}
