import Boot
import Host
import Packages
import SnapshotTree

/// The result of a scheduled upgrade.
public struct ScheduledUpgrade: Sendable {
  /// The result in one node.
  public struct NodeResult: Sendable {
    /// The node.
    public let node: NodeID
    /// Whether the node was only checked: its policy is "check".
    let isCheck: Bool
    /// The work that was done, or why it failed.
    public let outcome: Result<NodeOutcome, AstError>

    /// Whether it succeeded.
    public var succeeded: Bool { failure == nil }

    /// Why it failed.
    var failure: AstError? { if case .failure(let error) = outcome { error } else { nil } }
  }

  /// The work that was done in a node.
  public enum NodeOutcome: Sendable {
    /// The node was checked for new versions.
    case checked(PackagePlan)
    /// The node was upgraded; it was cloned before that if the settings want it and there was something to do.
    case upgraded(PackageOutcome, clone: NodeID?)
  }

  /// When the machine is rebooted.
  public enum Reboot: Sendable, Equatable {
    /// At once.
    case now
    /// At this minute of the day, if it is still needed then.
    case later(minute: Int)
  }

  /// The results in the nodes, in the order of the work.
  public internal(set) var nodes: [NodeResult] = []
  /// Why nothing was started, if that is what the settings want.
  public internal(set) var skipped: String?
  /// The deployment that was made, or why that failed; nil if none was wanted.
  public internal(set) var deployment: Result<DeployOutcome, AstError>?
  /// The deployment that boots the next time and is not running.
  public internal(set) var waiting: Deployment?
  /// When the machine is rebooted; nil if it is not.
  public internal(set) var reboot: Reboot?
  /// Why systemd could not be asked to reboot; nil if it could, or was not to be asked.
  public internal(set) var rebootFailure: AstError?

  /// The failures.
  public var failures: [AstError] { nodes.compactMap(\.failure) + deploymentFailure }

  /// Whether something failed that the administrator should know of. An unreachable archive is normal on a laptop and
  /// is not reported.
  var hasSeriousFailure: Bool {
    !deploymentFailure.isEmpty || nodes.contains { !$0.isCheck && $0.failure != nil }
  }

  private var deploymentFailure: [AstError] {
    if case .failure(let error) = deployment { [error] } else { [] }
  }

  /// The exit status of the command line: that of the error, if there was only one thing to do.
  public var exitStatus: Int32 { max(upgradeStatus, rebootFailure?.exitStatus ?? 0) }

  private var upgradeStatus: Int32 {
    let failures = failures
    guard let first = failures.first else { return 0 }
    if let interruption = failures.first(where: { $0.code == .interrupted }) { return interruption.exitStatus }
    return nodes.count + (deployment == nil ? 0 : 1) == 1 ? first.exitStatus : AstError.Code.partial.exitStatus
  }

  /// Whether a node was changed or a deployment was made.
  public var hasChanged: Bool {
    if case .success = deployment { return true }
    return nodes.contains { result in
      if case .success(.upgraded(let outcome, _)) = result.outcome { outcome.change != nil } else { false }
    }
  }

  /// The nodes that were only checked and can be upgraded, with the plans.
  var upgradable: [(node: NodeID, plan: PackagePlan)] {
    nodes.compactMap { result in
      guard case .success(.checked(let plan)) = result.outcome, !plan.steps.isEmpty else { return nil }
      return (result.node, plan)
    }
  }

  /// The whole result, in sentences.
  public var sentences: [String] {
    var sentences = nodes.map(\.sentence)
    if let skipped { sentences.append(skipped) }
    switch deployment {
    case .success(let made): sentences.append("node \(made.deployment.node) is deployment \(made.deployment.id)")
    case .failure(let error): sentences.append("nothing was deployed: \(error.message)")
    case nil: break
    }
    switch reboot {
    case .now: sentences.append("the machine is rebooted")
    case .later(let minute): sentences.append("the machine is rebooted at \(DayTime.text(minute))")
    case nil: break
    }
    return sentences
  }
}

extension ScheduledUpgrade.NodeResult {
  fileprivate var sentence: String {
    switch outcome {
    case .failure(let error): return "node \(node) failed: \(error.message)"
    case .success(.checked(let plan)):
      let count = plan.steps.count
      let words =
        count == 0
        ? "node \(node) is up to date" : "node \(node): \(count) package\(count == 1 ? "" : "s") can be changed"
      return words + Self.keptBack(plan)
    case .success(.upgraded(let outcome, let clone)):
      let generation = outcome.change.map { "upgraded, generation \($0.generation.number)" } ?? "nothing to do"
      return "node \(node): \(generation)" + (clone.map { ", cloned before as node \($0)" } ?? "")
        + Self.keptBack(outcome.plan)
    }
  }

  private static func keptBack(_ plan: PackagePlan) -> String { plan.wordsAboutKeptBack.map { "; \($0)" } ?? "" }
}
