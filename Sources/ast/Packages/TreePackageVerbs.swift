import ArgumentParser
import FoundationEssentials
import Host
import Nodes
import Packages
import SnapshotTree

struct TreeUpgrade: TreePackageVerb {
  static let configuration = CommandConfiguration(
    commandName: "tree-upgrade",
    abstract: "Upgrade all packages of a node and everything below it",
    aliases: ["tupgrade"])

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @OptionGroup var packageOptions: PackageOptionGroup
  @OptionGroup var treeOptions: TreeOptionGroup
  @OptionGroup var upgradeOptions: UpgradeOptionGroup
  @Argument(help: "The top of the tree.") var node: NodeName

  func validate() throws { try upgradeOptions.validate(with: packageOptions) }

  func perform(in context: Context) throws -> Report {
    let request: TreeRequest = upgradeOptions.security ? .securityUpgrade : .upgrade
    return try change(request, packageOptions.options(refreshing: .since(Date()), global), context)
  }
}

struct TreeRemovePackages: TreePackageVerb {
  static let configuration = CommandConfiguration(
    commandName: "tree-rmpkg", abstract: "Remove packages from a node and everything below it", aliases: ["tremove"])

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @OptionGroup var packageOptions: PackageOptionGroup
  @OptionGroup var treeOptions: TreeOptionGroup
  @Flag(help: "Remove their configuration files too.") var purge = false
  @Argument(help: "The top of the tree.") var node: NodeName
  @Argument(help: ArgumentHelp("The packages.", valueName: "package"), completion: Completion.installed)
  var packages: [String]

  func perform(in context: Context) throws -> Report {
    try change(.remove(packages, purge: purge), packageOptions.options(refreshing: .never, global), context)
  }
}

struct Sync: TreePackageVerb {
  static let configuration = CommandConfiguration(
    commandName: "sync",
    abstract: "Upgrade a tree, and install in each node below the top what its parent has",
    discussion: """
      Packages that were asked for in the parent are installed in the child by its own apt, at the parent's version if \
      the child's sources have it. A package that was removed from the child on purpose is not installed, but listed.
      """,
    aliases: ["tree-sync"])

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @OptionGroup var packageOptions: PackageOptionGroup
  @OptionGroup var treeOptions: TreeOptionGroup
  @OptionGroup var sync: SyncOptionGroup
  @Argument(help: "The top of the tree.") var node: NodeName

  func perform(in context: Context) throws -> Report {
    try change(
      .sync(forced: false, removing: sync.remove), packageOptions.options(refreshing: .since(Date()), global), context)
  }
}

struct ForceSync: TreePackageVerb {
  static let configuration = CommandConfiguration(
    commandName: "force-sync",
    abstract: "Install in each node below the top of a tree what its parent has, without an upgrade first",
    aliases: ["fsync"])

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @OptionGroup var packageOptions: PackageOptionGroup
  @OptionGroup var treeOptions: TreeOptionGroup
  @OptionGroup var sync: SyncOptionGroup
  @Argument(help: "The top of the tree.") var node: NodeName

  func perform(in context: Context) throws -> Report {
    try change(
      .sync(forced: true, removing: sync.remove), packageOptions.options(refreshing: .whenOld, global), context)
  }
}

/// The options of the verbs that install in nodes what their parents have.
struct SyncOptionGroup: ParsableArguments {
  @Flag(help: "Remove from the children what was removed from their parents.")
  var remove = false
}

/// The options of verbs that work on trees.
struct TreeOptionGroup: ParsableArguments {
  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("How many nodes to work on at once (default: one per processor).", valueName: "count"))
  var jobs: Int?

  @Flag(help: "Do not start on another node after one has failed.")
  var failFast = false

  func validate() throws {
    guard jobs ?? 1 >= 1 else { throw ValidationError("--jobs: \(jobs ?? 0) is less than 1") }
  }
}

/// A verb that changes the packages of a node and of everything below it.
protocol TreePackageVerb: Verb {
  var packageOptions: PackageOptionGroup { get }
  var treeOptions: TreeOptionGroup { get }
  var node: NodeName { get }
}

extension TreePackageVerb {
  var subject: NodeName? { node }

  /// Changes the packages node by node, with one progress display for all, and reports the results as a table.
  func change(_ request: TreeRequest, _ packages: PackageOptions, _ context: Context) throws -> Report {
    let (store, node) = (try context.store, try context.node(self.node))
    var options = TreeOptions(packages)
    if let jobs = treeOptions.jobs { options.jobs = jobs }
    options.stopsAtFailure = treeOptions.failFast
    let nodes = try store.subtree(node).count
    let isAsked = !packageOptions.simulate && Confirmation.isAsked(global)
    // The plans for the question are a small part of the work.
    var view = ProgressView(context.output, nodes: nodes, in: 0...(isAsked ? 0.1 : 1))
    defer { view.clear() }
    if packageOptions.simulate || isAsked {
      let plans = try store.planTree(request, top: node, packages) { node, progress in
        view.show(progress, of: node)
      } finished: {
        view.finish($0)
      }
      guard !packageOptions.simulate else { return Report(plans, .dryRun, .results) }
      // What a comparison with the parent has found is said even if nothing follows from it.
      if request == .upgrade || request == .securityUpgrade, plans.allSatisfy(\.plan.isEmpty) {
        return Report(plans, .question, .results)
      }
      context.output.show(Report(plans, .question, .messages).text)
      guard try Confirmation.agreed("Change \(nodes == 1 ? "node \(node)" : "these \(nodes) nodes")?", global) else {
        throw Confirmation.refusal
      }
      view = ProgressView(context.output, nodes: nodes)
    }
    let results = try store.changeTree(request, top: node, options) { node, progress in
      view.show(progress, of: node)
    } finished: { result in
      view.finish(result.node.id)
      context.output.noteProgress("node \(result.node.id): \(result.words)")
      if let change = result.change { context.output.tell(change, of: result.node.id) }
    }
    view.clear()
    return Self.report(results, of: node, transaction: store.firstOperation)
  }

  private static func report(_ results: [TreeChangeResult], of node: NodeID, transaction: OperationID?) -> Report {
    let failed = results.filter { !$0.succeeded }
    let interruption = results.compactMap(\.error).first { $0.code == .interrupted }
    let status = failed.isEmpty ? 0 : interruption?.exitStatus ?? AstError.Code.partial.exitStatus
    let rows = results.sorted { $0.node.id < $1.node.id }.map { ("\($0.node.id)", $0.words) }
    let width = rows.map(\.0.count).max() ?? 0
    let lines = rows.map { "  \(String(repeating: " ", count: width - $0.0.count))\($0.0)  \($0.1)" }
    let summary =
      "Tree \(node): \(interruption == nil ? "" : "interrupted; ")\(results.count - failed.count) of \(results.count) nodes done"
    return Report(
      text: ([summary] + lines).map(Printable.line).joined(separator: "\n"),
      data: ["nodes": results.map(TreeChangeReport.init)], transaction: transaction, status: status,
      isUneventful: results.allSatisfy(\.isUneventful), error: interruption)
  }
}

extension Report {
  /// The report on the plans for the nodes of a tree; nodes with the same plan are shown together.
  fileprivate init(
    _ plans: [(node: NodeID, plan: PackagePlan)], _ occasion: PlanView.Occasion, _ palette: Palette
  ) {
    var groups: [(nodes: [String], text: String)] = []
    for (node, plan) in plans {
      let text = PlanView.text(plan, occasion, width: Terminal.width, palette)
      if let index = groups.firstIndex(where: { $0.text == text }) {
        groups[index].nodes.append("\(node)")
      } else {
        groups.append((["\(node)"], text))
      }
    }
    let text = groups.map { nodes, text in
      "\(nodes.count == 1 ? "Node" : "Nodes") \(nodes.joined(separator: ", ")):\n\(text)"
    }
    self.init(
      text: text.joined(separator: "\n\n"), data: ["nodes": plans.map { PlanReport($0.plan, of: $0.node) }])
  }
}

extension TreeChangeResult {
  fileprivate var error: AstError? { if case .failure(let error) = outcome { error } else { nil } }

  fileprivate var change: CommittedChange? {
    if case .success(let change) = outcome { change.packages.change } else { nil }
  }

  /// Whether the node had nothing to do, and nothing is said of it but that.
  fileprivate var isUneventful: Bool {
    guard case .success(let change) = outcome else { return false }
    return change.packages.isUneventful && (change.comparison?.notes ?? []).isEmpty
  }

  /// The result of one node, as a line of the table.
  fileprivate var words: String {
    switch outcome {
    case nil: return "not started"
    case .failure(let error): return error.message
    case .success(let change):
      return ([change.packages.words] + (change.comparison?.notes ?? [])).joined(separator: "; ")
    }
  }
}

extension ParentComparison {
  /// The differences from the parent that the user may want to act on.
  fileprivate var notes: [String] {
    [
      (adopted, "now also asked for here"), (declined, "removed here on purpose"), (unavailable, "not in its sources"),
      (removable, "removed from the parent (`--remove` removes it here too)"), (held, "held"),
    ].filter { !$0.0.isEmpty }.map { "\($0.0.joined(separator: ", ")): \($0.1)" }
  }
}

/// One node of a tree as `--json` shows it.
private struct TreeChangeReport: Encodable {
  let node: NodeID
  let result: String
  @Nullable var change: PackageChangeReport?
  @Nullable var comparison: ComparisonReport?
  @Nullable var error: String?

  init(_ result: TreeChangeResult) {
    node = result.node.id
    switch result.outcome {
    case .success(let change):
      self.result = change.packages.change == nil ? "unchanged" : "committed"
      self.change = PackageChangeReport(result.node.id, change.packages)
      comparison = change.comparison.map(ComparisonReport.init)
    case .failure(let failure):
      self.result = "failed"
      error = failure.message
    case nil: self.result = "untouched"
    }
  }
}

private struct ComparisonReport: Encodable {
  let installed: [String]
  let adopted: [String]
  let declined: [String]
  let unavailable: [String]
  let removable: [String]
  let held: [String]

  init(_ comparison: ParentComparison) {
    installed = comparison.wanted
    adopted = comparison.adopted
    declined = comparison.declined
    unavailable = comparison.unavailable
    removable = comparison.removable
    held = comparison.held
  }
}
