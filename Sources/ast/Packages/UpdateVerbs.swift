import ArgumentParser
import Boot
import FoundationEssentials
import Host
import Nodes
import Packages
import SnapshotTree
import Store
import Upkeep

struct AutoUpgrade: Verb {
  static let configuration = CommandConfiguration(
    commandName: "auto-upgrade", abstract: "Upgrade the booted node, or another, without asking",
    discussion: """
      For cron and timers; `ast check` shows the result. With `--scheduled`, which ast-upgrade.timer uses, the settings \
      decide what is done, and to which nodes: see ast.toml(5).
      """)
  static var mounts: Bool { true }

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @OptionGroup var packageOptions: PackageOptionGroup
  @OptionGroup var upgradeOptions: UpgradeOptionGroup
  @Flag(help: "Do what the settings say.") var scheduled = false
  @Argument(help: "The node (default: the one that is booted).") var node: NodeName?

  func validate() throws {
    guard !scheduled || node == nil else { throw ValidationError("with --scheduled, the settings name the nodes") }
    guard !scheduled || !upgradeOptions.security else {
      throw ValidationError("with --scheduled, the settings say what is upgraded")
    }
    try upgradeOptions.validate(with: packageOptions)
    guard !packageOptions.simulate else { throw ValidationError("`ast upgrade --simulate` shows what would be done") }
  }

  var subject: NodeName? { node }
  var isUnattended: Bool { true }

  func perform(in context: Context) throws -> Report {
    let store = try context.store
    if scheduled { return try performScheduled(options, in: context) }
    let id = try node.map(context.node) ?? store.requireBooted(hint: "name a node")
    let view = ProgressView(context.output)
    defer { view.clear() }
    let outcome = try store.upgradeUnattended(
      id, by: upgradeOptions.security ? .securityUpgrade : .upgrade, options, progress: { view.show($0, of: id) })
    var report = Report(outcome, of: id, context.output)
    report.isUneventful = outcome.isUneventful
    return report
  }

  /// The user is not asked, even on a terminal, and `-y` does not lift the limit: it may be there out of habit.
  private var options: PackageOptions {
    var options = packageOptions.options(refreshing: .since(Date()), global)
    options.removalLimit = packageOptions.removalLimit ?? PackageOptionGroup.unattendedRemovals
    return options
  }
}

struct Check: Verb {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Show the result of the last unattended upgrade of each node")
  static var needs: Need { .reading }

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @Argument(help: "The node.") var node: NodeName?

  func perform(in context: Context) throws -> Report {
    let check = try context.store.checkUpdates(of: node.map(context.node))
    let lines = check.nodes.map(Self.line) + (check.machine?.lines ?? [])
    let updates = check.nodes.map { OperationReport($0.operation) }
    let data: any Encodable =
      if let machine = check.machine { CheckReport(updates: updates, machine) } else { ["updates": updates] }
    return Report(
      text: lines.isEmpty ? "No node was upgraded unattended yet." : lines.map(Printable.line).joined(separator: "\n"),
      data: data, status: check.failure?.exitStatus ?? 0)
  }

  private static func line(_ node: Node, _ operation: SnapshotTree.Operation) -> String {
    let what = operation.message.map { ": \($0)" } ?? operation.generation.map { ": generation \($0)" } ?? ""
    return
      "node \(node.id)  \(LocalTime.text(operation.started))  \(operation.kind)  \(operation.state.rawValue)\(what)"
  }
}

extension MachineUpdates {
  fileprivate var lines: [String] {
    [
      scheduled.map { operation in
        "scheduled  \(LocalTime.text(operation.started))  \(operation.state.rawValue): \(operation.message ?? "")"
      },
      waiting.map { "deployment \($0.id) of node \($0.node) boots at the next start" },
      failed.map { deployment in
        "deployment \(deployment.id) of node \(deployment.node) did not come up"
          + (deployment.reason.map { " (\($0))" } ?? "")
          + (running.map { "; deployment \($0.id) of node \($0.node) runs" } ?? "")
      },
      refusedKey?.advice,
    ].compactMap(\.self)
  }
}

/// The result of `check` for the whole machine, as `--json` shows it.
private struct CheckReport: Encodable {
  let updates: [OperationReport]
  @Nullable var scheduled: OperationReport?
  @Nullable var waiting: DeploymentID?
  @Nullable var failed: FailedDeployment?
  @Nullable var refusedKey: ModuleKeyReport?

  struct FailedDeployment: Encodable {
    let deployment: DeploymentID
    let node: NodeID
    @Nullable var reason: String?
  }

  init(updates: [OperationReport], _ machine: MachineUpdates) {
    self.updates = updates
    scheduled = machine.scheduled.map(OperationReport.init)
    waiting = machine.waiting?.id
    refusedKey = machine.refusedKey
    failed = machine.failed.map { FailedDeployment(deployment: $0.id, node: $0.node, reason: $0.reason) }
  }
}

struct Hold: Verb {
  static let configuration = CommandConfiguration(
    commandName: "hold", abstract: "Keep packages of a node at their versions, or list the held ones")

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @Argument(help: "The node.") var node: NodeName
  @Argument(help: ArgumentHelp("The packages.", valueName: "package"), completion: Completion.installed)
  var packages: [String] = []

  func perform(in context: Context) throws -> Report {
    let node = try context.node(self.node)
    guard packages.isEmpty else { return try Report(holding: true, packages, in: node, context) }
    let held = try context.store.heldPackages(of: node).map { "\($0)" }
    return Report(text: held.joined(separator: "\n"), data: ["held": held])
  }
}

struct Unhold: Verb {
  static let configuration = CommandConfiguration(
    commandName: "unhold", abstract: "Let held packages of a node change again")

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @Argument(help: "The node.") var node: NodeName
  @Argument(help: ArgumentHelp("The packages.", valueName: "package"), completion: Completion.installed)
  var packages: [String]

  func perform(in context: Context) throws -> Report {
    try Report(holding: false, packages, in: context.node(node), context)
  }
}

extension Report {
  /// Holds packages or releases them, and reports it.
  fileprivate init(holding isHeld: Bool, _ packages: [String], in node: NodeID, _ context: Context) throws {
    let generation = try context.store.setHold(isHeld, on: packages, in: node)
    let names = packages.map(Printable.line).joined(separator: ", ")
    let end = generation.map { "; generation \($0.number)" } ?? " already"
    self.init(
      text: "Node \(node): \(names) \(isHeld ? "held" : "not held")\(end).",
      data: HoldReport(node: node, packages: packages, held: isHeld, generation: generation?.number),
      transaction: generation?.operation)
  }
}

/// A change of holds as `--json` shows it.
private struct HoldReport: Encodable {
  let node: NodeID
  let packages: [String]
  let held: Bool
  @Nullable var generation: GenerationNumber?
}
