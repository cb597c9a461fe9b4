import Boot
import Host
import Packages
import SnapshotTree

/// What came of an upgrade as the settings want it.
public struct ScheduledUpgrade: Sendable {
  /// What came of it in one node.
  public struct NodeResult: Sendable {
    /// The node.
    public let node: NodeID
    /// Whether it was only looked at: the policy is "check".
    let isCheck: Bool
    /// What was done, or why nothing was.
    public let outcome: Result<NodeOutcome, AstError>

    /// Whether it was done.
    public var succeeded: Bool { failure == nil }

    /// Why it was not.
    var failure: AstError? { if case .failure(let error) = outcome { error } else { nil } }
  }

  /// What was done in a node.
  public enum NodeOutcome: Sendable {
    /// New versions were looked for.
    case checked(PackagePlan)
    /// The node was upgraded, and cloned before where that was wanted and there was something to do.
    case upgraded(PackageOutcome, clone: NodeID?)
  }

  /// When the machine is rebooted.
  public enum Reboot: Sendable, Equatable {
    /// At once.
    case now
    /// At this minute of the day, if that is still needed then.
    case later(minute: Int)
  }

  /// What came of it in each node, in the order in which they were worked on.
  public internal(set) var nodes: [NodeResult] = []
  /// Why nothing was begun, where that is as the settings want it.
  public internal(set) var skipped: String?
  /// The deployment that was made, or why none was; nil where none was wanted.
  public internal(set) var deployment: Result<DeployOutcome, AstError>?
  /// The deployment that boots the next time, and does not run.
  public internal(set) var waiting: Deployment?
  /// When the machine is rebooted; nil where it is not.
  public internal(set) var reboot: Reboot?
  /// Why systemd could not be asked to reboot; nil if it could, or was not to be asked.
  public internal(set) var rebootFailure: AstError?

  /// What failed.
  public var failures: [AstError] { nodes.compactMap(\.failure) + deploymentFailure }

  /// Whether something failed that somebody should know of. That nobody answers where new versions come from is no news
  /// on a machine that travels.
  var hasSeriousFailure: Bool {
    !deploymentFailure.isEmpty || nodes.contains { !$0.isCheck && $0.failure != nil }
  }

  private var deploymentFailure: [AstError] {
    if case .failure(let error) = deployment { [error] } else { [] }
  }

  /// The exit status of the command line: where there was one thing to do, that of its error.
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

  /// How many packages were looked for and can be changed.
  public var available: Int {
    nodes.reduce(0) { if case .success(.checked(let plan)) = $1.outcome { $0 + plan.steps.count } else { $0 } }
  }

  /// All of it, a sentence for each thing.
  public var sentences: [String] {
    var sentences = nodes.map(\.sentence)
    if let skipped { sentences.append(skipped) }
    switch deployment {
    case .success(let made): sentences.append("node \(made.deployment.node) is deployment \(made.deployment.id)")
    case .failure(let error): sentences.append("no deployment: \(error.message)")
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
      return count == 0
        ? "node \(node) is up to date" : "node \(node): \(count) package\(count == 1 ? "" : "s") can be changed"
    case .success(.upgraded(let outcome, let clone)):
      let generation = outcome.change.map { "upgraded, generation \($0.generation.number)" } ?? "nothing to do"
      return "node \(node): \(generation)" + (clone.map { ", cloned before as node \($0)" } ?? "")
    }
  }
}
