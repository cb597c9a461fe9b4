import ArgumentParser
import FoundationEssentials
import Host
import Packages
import Settings
import SnapshotTree
import Upkeep

extension AutoUpgrade {
  /// Does what the settings say, and tells those who are to know.
  func performScheduled(_ options: PackageOptions, in context: Context) throws -> Report {
    let store = try context.store
    let view = ProgressView(packageOptions.progress, quiet: global.quiet || global.json)
    defer { view.clear() }
    let outcome = Result {
      try store.upgradeScheduled(options) { node, progress in
        view.show(progress, of: node)
      } note: { message in
        view.clear()
        context.output.note(message)
      }
    }
    view.clear()
    // What nobody looks at is said where somebody will; on a machine of another store there is nobody.
    if try store.booted()?.deployment != nil {
      let news = UpdateNews(outcome.mapError(AstError.init))
      do { try news.tell((try? store.settings)?.updates ?? Settings().updates) } catch {
        context.output.warn(AstError(error).message)
      }
    }
    let done = try outcome.get()
    var status = done.exitStatus
    do {
      try done.reboot?.carryOut()
    } catch {
      context.output.warn("the machine is not rebooted: \(AstError(error).message)")
      status = max(status, AstError(error).exitStatus)
    }
    let text = done.sentences.isEmpty ? ["Nothing is to be done: updates.policy is off."] : done.sentences
    return Report(
      text: text.map(Printable.line).joined(separator: "\n"), data: ScheduledReport(done), status: status)
  }
}

/// What the timer calls in the night.
struct RebootWaiting: Verb {
  static let configuration = CommandConfiguration(
    commandName: "reboot-waiting", abstract: "Reboot for a deployment that waits, if the settings allow it now",
    shouldDisplay: false)
  static var needs: Need { .reading }

  @OptionGroup var global: GlobalOptions

  func perform(in context: Context) throws -> Report {
    let store = try context.store
    let reboot = try store.reboot(store.settings.updates)
    guard reboot == .now else { return Report(text: "Nothing is to be done now.", data: ["reboot": false]) }
    try ScheduledUpgrade.Reboot.now.carryOut()
    return Report(text: "The machine is rebooted.", data: ["reboot": true])
  }
}

/// Such an upgrade as `--json` shows it.
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
