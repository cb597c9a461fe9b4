import ArgumentParser
import Host
import Packages
import SnapshotTree
import Store
import Upkeep

extension AutoUpgrade {
  /// Upgrades as the settings say, and reports the result.
  func performScheduled(_ options: PackageOptions, in context: Context) throws -> Report {
    let view = ProgressView(context.output)
    defer { view.clear() }
    let done = try context.store.performScheduledUpgrade(options) { node, progress in
      view.show(progress, of: node)
    } note: { message in
      view.clear()
      context.output.note(message)
    } warn: { message in
      view.clear()
      context.output.warn(message)
    }
    let text = done.sentences.isEmpty ? ["Nothing to do: updates.policy is off."] : done.sentences
    return Report(
      text: text.map(Printable.line).joined(separator: "\n"), data: ScheduledReport(done), status: done.exitStatus,
      error: done.failures.first { $0.code == .interrupted })
  }
}

/// The verb that the timer of a waiting reboot calls.
struct RebootWaiting: Verb {
  static let configuration = CommandConfiguration(
    commandName: "reboot-waiting", abstract: "Reboot for a waiting deployment, if the settings allow it now",
    shouldDisplay: false)
  static var needs: Need { .reading }

  @OptionGroup(title: HelpText.general) var global: GlobalOptions

  func perform(in context: Context) throws -> Report {
    let isRebooted = try context.store.rebootIfDue()
    return Report(text: isRebooted ? "The machine is rebooted." : "Nothing to do now.", data: ["reboot": isRebooted])
  }
}

/// A scheduled upgrade as `--json` shows it.
private struct ScheduledReport: Encodable {
  let nodes: [NodeReport]
  @Nullable var skipped: String?
  @Nullable var deployment: DeploymentID?
  @Nullable var waiting: DeploymentID?
  @Nullable var reboot: String?
  let failures: [String]

  struct NodeReport: Encodable {
    let node: NodeID
    let result: String
    @Nullable var generation: GenerationNumber?
    @Nullable var clone: NodeID?
    @Nullable var available: Int?
    @Nullable var error: String?

    init(_ result: ScheduledUpgrade.NodeResult) {
      node = result.node
      switch result.outcome {
      case .failure(let failure): (self.result, error) = ("failed", failure.message)
      case .success(.checked(let plan)): (self.result, available) = ("checked", plan.steps.count)
      case .success(.upgraded(let outcome, let clone)):
        self.result = outcome.change == nil ? "unchanged" : "committed"
        generation = outcome.change?.generation.number
        self.clone = clone
      }
    }
  }

  init(_ done: ScheduledUpgrade) {
    nodes = done.nodes.map(NodeReport.init)
    failures = done.failures.map(\.message)
    skipped = done.skipped
    if case .success(let made) = done.deployment { deployment = made.deployment.id }
    waiting = done.waiting?.id
    switch done.reboot {
    case .now: reboot = "now"
    case .later(let minute): reboot = DayTime.text(minute)
    case nil: break
    }
  }
}
