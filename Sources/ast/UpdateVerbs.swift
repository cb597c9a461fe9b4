import ArgumentParser
import AstKit
import FoundationEssentials
import SnapshotTree

struct AutoUpgrade: Verb {
  static let configuration = CommandConfiguration(
    commandName: "auto-upgrade", abstract: "Upgrade the booted node, or another, without asking anything",
    discussion: """
      For cron and timers; `ast check` tells what came of it.
      """)

  @OptionGroup var global: GlobalOptions
  @OptionGroup var packageOptions: PackageOptionGroup
  @Argument(help: "The node (default: the one that is booted).") var node: NodeName?

  func perform(in context: Context) throws -> Report {
    let store = try context.store
    let id = try node.map(context.node) ?? store.requireBooted(hint: "name a node")
    var options = packageOptions.options(refreshing: .since(Date()), global)
    // Nobody is asked, terminal or not, and `-y` is a habit.
    options.removalLimit = packageOptions.removalLimit ?? PackageOptionGroup.unattendedRemovals
    let view = ProgressView(packageOptions.progress, quiet: global.quiet || global.json)
    defer { view.clear() }
    return Report(try store.upgradeUnattended(id, options) { view.show($0, of: id) }, of: id, context.output)
  }
}

struct Check: Verb {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Show what became of the last unattended upgrade of each node")
  static var needs: Need { .reading }

  @OptionGroup var global: GlobalOptions
  @Argument(help: "The node.") var node: NodeName?

  func perform(in context: Context) throws -> Report {
    let updates = try context.store.lastUpdates(of: node.map(context.node))
    let lines = updates.map { node, operation in
      let what = operation.message.map { ": \($0)" } ?? operation.generation.map { ": generation \($0)" } ?? ""
      return
        "node \(node.id)  \(operation.started.formatted(.iso8601))  \(operation.kind)  \(operation.state.rawValue)\(what)"
    }
    let failed = updates.contains { ![.done, .running].contains($0.operation.state) }
    return Report(
      text: lines.isEmpty ? "No node was upgraded unattended yet." : lines.map(Printable.line).joined(separator: "\n"),
      data: ["updates": updates.map { OperationReport($0.operation) }],
      status: failed ? AstError(.partial, "").exitStatus : 0)
  }
}

struct Hold: Verb {
  static let configuration = CommandConfiguration(
    commandName: "hold", abstract: "Keep packages of a node as they are, or show which are kept")

  @OptionGroup var global: GlobalOptions
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

  @OptionGroup var global: GlobalOptions
  @Argument(help: "The node.") var node: NodeName
  @Argument(help: ArgumentHelp("The packages.", valueName: "package"), completion: Completion.installed)
  var packages: [String]

  func perform(in context: Context) throws -> Report {
    try Report(holding: false, packages, in: context.node(node), context)
  }
}

extension Report {
  /// Holds packages or lets them go, and tells so.
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
