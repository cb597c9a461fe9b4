import FoundationEssentials
import Host
import SnapshotTree
import Store

/// The result of a boot.
public enum BootReport: Sendable, Equatable {
  /// A deployment came up that was not proven yet: it is good now.
  case proven(Deployment)
  /// A deployment came up that was good before.
  case good(Deployment)
  /// A deployment came up instead of another one, which has failed; it is the default now.
  case fellBack(to: Deployment, from: Deployment)
  /// A node came up on trial.
  case trial(NodeID)
  /// This machine does not run from the store.
  case foreign
}

extension BootReport {
  /// One sentence for the journal.
  public var sentence: String {
    switch self {
    case .proven(let deployment):
      "deployment \(deployment.id) of node \(deployment.node) came up and passed the checks: it is good"
    case .good(let deployment): "deployment \(deployment.id) of node \(deployment.node) came up"
    case .fellBack(let deployment, let failed):
      "deployment \(failed.id) of node \(failed.node) failed: \(failed.reason ?? Self.noReason); "
        + "deployment \(deployment.id) of node \(deployment.node) runs instead, and is the default again"
    case .trial(let node): "this is a trial of node \(node)"
    case .foreign: "this machine does not run from the store"
    }
  }

  /// The message of the day for this result; nil if there is none.
  public var messageOfTheDay: String? {
    switch self {
    case .proven, .good, .foreign: nil
    case .fellBack(let deployment, let failed):
      """
      Deployment \(failed.id) of node \(failed.node) failed: \(failed.reason ?? Self.noReason).
      This is deployment \(deployment.id) of node \(deployment.node), the last good one, and the default again.
      `ast status` tells more; `ast deploy \(failed.node)` tries node \(failed.node) again.

      """
    case .trial(let node):
      """
      This is a trial of node \(node): what you change in /etc is gone after the next boot.
      `ast deploy` makes it permanent.

      """
    }
  }

  static let noReason = "it did not come up"
}

/// Boot assessment. GRUB counts the attempts by itself; this enters the result.
extension Store {
  /// Enters that this machine came up and passed the checks.
  public func completeBoot(_ parameters: BootParameters) throws -> BootReport {
    try completeBoot(of: booted(), parameters)
  }

  func completeBoot(of booted: Booted?, _ parameters: BootParameters) throws -> BootReport {
    switch booted {
    case nil: return .foreign
    case .trial(let generation):
      finishInterruptedChange()
      return .trial(generation.node)
    case .deployment(let deployment):
      let (state, failed) = (deployment.state, try failedDeployment(parameters, running: deployment.id))
      let isOnceOver = try isOnceOver()
      guard state != .good || failed != nil || isOnceOver else {
        finishInterruptedChange()
        return .good(deployment)
      }
      return try change {
        if state != .good { try tree.setState(.good, of: deployment.id) }
        if isOnceOver { try tree.setOnceDeployment(nil, token: nil) }
        guard let failed else { return state == .good ? .good(deployment) : .proven(deployment) }
        return .fellBack(to: deployment, from: try fallBack(to: deployment, from: failed))
      }
    }
  }

  /// Finishes what a power cut has interrupted after its commit, as each change does first: until the menu is published,
  /// another deployment starts than the tree says, and nobody may change the tree before the next start.
  private func finishInterruptedChange() {
    do {
      try change {}
    } catch {
      warn("what was interrupted is not finished: \(AstError(error).reason); the next command tries it again")
    }
  }

  /// The deployment that has to be entered as failed: it is still the default.
  private func failedDeployment(_ parameters: BootParameters, running: DeploymentID) throws -> Deployment? {
    guard let failed = parameters.fallback, failed != running, try tree.defaultDeployment == failed else { return nil }
    return try tree.deployment(failed)
  }

  /// Whether the one-time boot is over: it was this boot or an earlier one.
  private func isOnceOver() throws -> Bool {
    guard try tree.onceDeployment != nil else { return false }
    return try tree.operation(OperationID(tree.onceToken))?.bootID != Store.bootID
  }

  private func fallBack(to deployment: Deployment, from failed: Deployment) throws -> Deployment {
    let operation = try recordOperation("fall-back", on: failed.node)
    try tree.setState(.failed, of: failed.id, reason: failed.reason ?? BootReport.noReason)
    try tree.setDefaultDeployment(deployment.id, token: operation)
    let good = try tree.deployments().last { $0.state == .good && $0.id != deployment.id }
    try tree.setPreviousDeployment(good?.id)
    return try tree.deployment(failed.id) ?? failed
  }

  /// Notes why the running deployment failed its checks.
  ///
  /// - Returns: whether it was not proven yet: then restarting the machine leads to another deployment.
  public func failBoot(_ reason: String, _ parameters: BootParameters) throws -> Bool {
    try failBoot(of: booted(), reason, parameters)
  }

  func failBoot(of booted: Booted?, _ reason: String, _ parameters: BootParameters) throws -> Bool {
    guard parameters.isTry, let deployment = booted?.deployment, deployment.state != .good else { return false }
    try change { try tree.setState(deployment.state, of: deployment.id, reason: reason) }
    return true
  }
}
