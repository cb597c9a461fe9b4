import ArgumentParser
import FoundationEssentials
import Nodes
import Packages
import SnapshotTree

struct Install: PackageVerb {
  static let configuration = CommandConfiguration(
    commandName: "install", abstract: "Install packages in a node",
    discussion: """
      With `--live`, the booted node gets them and is deployed, and they are installed in the running system, too. \
      There, packages can only be added: what would replace or remove something that is running is refused.
      """,
    aliases: ["in", "i"])
  static var mounts: Bool { true }

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @OptionGroup var packageOptions: PackageOptionGroup
  @Flag(
    inversion: .prefixedNo, help: "Install recommended packages too (default: as the node's apt is configured).")
  var installRecommends: Bool?
  @Flag(help: "Install them in the running system too, and deploy the node.") var live = false
  @Argument(help: "The node.") var node: NodeName
  @Argument(
    help: ArgumentHelp(
      "The packages, as apt takes them: name, name=version, name/suite, name:architecture, name- to remove it, or the"
        + " path of a .deb file.", valueName: "package"), completion: Completion.available)
  var packages: [String]

  func perform(in context: Context) throws -> Report {
    var options = packageOptions.options(refreshing: .whenOld, global)
    options.recommends = installRecommends
    return try live ? installLive(packages, options, context) : change(.install(packages), options, context)
  }
}

struct Remove: PackageVerb {
  static let configuration = CommandConfiguration(
    commandName: "remove", abstract: "Remove packages from a node", aliases: ["rm", "uninstall"])

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @OptionGroup var packageOptions: PackageOptionGroup
  @Flag(help: "Remove their configuration files too.") var purge = false
  @Argument(help: "The node.") var node: NodeName
  @Argument(help: ArgumentHelp("The packages.", valueName: "package"), completion: Completion.installed)
  var packages: [String]

  func perform(in context: Context) throws -> Report {
    try change(.remove(packages, purge: purge), packageOptions.options(refreshing: .never, global), context)
  }
}

struct Upgrade: PackageVerb {
  static let configuration = CommandConfiguration(
    commandName: "upgrade", abstract: "Upgrade all packages of a node", aliases: ["up"])

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @OptionGroup var packageOptions: PackageOptionGroup
  @OptionGroup var upgradeOptions: UpgradeOptionGroup
  @Argument(help: "The node.") var node: NodeName

  func validate() throws { try upgradeOptions.validate(with: packageOptions) }

  func perform(in context: Context) throws -> Report {
    let request: PackageRequest = upgradeOptions.security ? .securityUpgrade : .upgrade
    return try change(request, packageOptions.options(refreshing: .since(Date()), global), context)
  }
}

struct BaseUpdate: PackageVerb {
  static let configuration = CommandConfiguration(
    commandName: "base-update", abstract: "Upgrade all packages of the base",
    aliases: ["bu"])

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @OptionGroup var packageOptions: PackageOptionGroup
  @OptionGroup var upgradeOptions: UpgradeOptionGroup

  var node: NodeName { .number(.base) }

  func validate() throws { try upgradeOptions.validate(with: packageOptions) }

  func perform(in context: Context) throws -> Report {
    let request: PackageRequest = upgradeOptions.security ? .securityUpgrade : .upgrade
    let options = packageOptions.options(refreshing: .since(Date()), global)
    return try change(request, options, context) { confirm, progress in
      try context.store.updateBase(request, options, confirm: confirm, progress: progress)
    }
  }
}

struct Refresh: Verb {
  static let configuration = CommandConfiguration(
    commandName: "refresh", abstract: "Fetch the package indices of a node's sources", aliases: ["ref"])

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @Argument(help: "The node.") var node: NodeName

  var subject: NodeName? { node }

  func perform(in context: Context) throws -> Report {
    let node = try context.node(self.node)
    let view = ProgressView(context.output)
    defer { view.clear() }
    try context.store.refreshIndices(of: node) { view.show($0, of: node) }
    return Report(
      text: "The package indices of node \(node) are up to date.", data: ["node": node], isUneventful: true)
  }
}

extension PackageRequest {
  /// Whether it is work that is done regularly, often without a user.
  fileprivate var isUpgrade: Bool { self == .upgrade || self == .securityUpgrade }
}

/// A verb that changes packages with a node's apt.
protocol PackageVerb: Verb {
  var packageOptions: PackageOptionGroup { get }
  var node: NodeName { get }
}

extension PackageVerb {
  typealias Confirm = (PackagePlan) throws -> Bool
  typealias Progress = (PackageProgress) -> Void

  var subject: NodeName? { node }

  /// Shows the plan, asks, changes the packages, and reports the result.
  func change(
    _ request: PackageRequest, _ options: PackageOptions, _ context: Context,
    _ perform: ((@escaping Confirm, @escaping Progress) throws -> PackageOutcome)? = nil
  ) throws -> Report {
    let (view, node) = (ProgressView(context.output), try context.node(self.node))
    defer { view.clear() }
    let progress: Progress = { view.show($0, of: node) }
    if packageOptions.simulate {
      let plan = try context.store.planPackages(request, in: node, options, progress: progress)
      return Report(
        text: PlanView.text(plan, .dryRun, width: Terminal.width, .results), data: PlanReport(plan, of: node))
    }
    let confirm: Confirm = { plan in
      view.clear()
      context.output.show(PlanView.text(plan, .question, width: Terminal.width, .messages))
      return try Confirmation.agreed("Change node \(node)?", global)
    }
    let outcome =
      try perform?(confirm, progress)
      ?? context.store.changePackages(request, in: node, options, confirm: confirm, progress: progress)
    view.clear()
    var report = Report(outcome, of: node, context.output)
    report.isUneventful = request.isUpgrade && outcome.isUneventful
    return report
  }
}

extension Report {
  /// The report on a change of packages.
  init(_ outcome: PackageOutcome, of node: NodeID, _ output: Output) {
    if let change = outcome.change { output.tell(change, of: node) }
    self.init(
      text: "Node \(node): \(outcome.words).", data: PackageChangeReport(node, outcome),
      transaction: outcome.change?.generation.operation)
  }
}

extension PackageOutcome {
  /// Whether there was nothing to do, and nothing to say of it.
  var isUneventful: Bool { change == nil && plan.isEmpty && plan.wordsAboutKeptBack == nil }

  /// The result, such as "2 upgraded, generation 5".
  var words: String {
    let done = PlanView.summary(plan) + (change.map { ", generation \($0.generation.number)" } ?? "")
    let isDone = plan.isEmpty && !plan.present.isEmpty
    let words = [isDone ? nil : done, plan.wordsAboutPresent, plan.wordsAboutUnneeded, plan.wordsAboutKeptBack]
    return Printable.line(words.compactMap(\.self).joined(separator: "; "))
  }
}

extension Output {
  /// Reports new configuration files and account numbers, which the user may want to look at.
  func tell(_ change: CommittedChange, of node: NodeID) {
    for file in change.newConfigurationFiles {
      note("node \(node): your configuration was kept, the package's new one is \(file)")
    }
    tell(change.accounts, of: node)
  }
}

/// A change of packages as `--json` shows it.
struct PackageChangeReport: Encodable {
  private let node: NodeID
  @Nullable private var generation: GenerationNumber?
  private let plan: PlanReport
  private let newConfigurationFiles: [String]

  init(_ node: NodeID, _ outcome: PackageOutcome) {
    self.node = node
    generation = outcome.change?.generation.number
    plan = PlanReport(outcome.plan, of: node)
    newConfigurationFiles = outcome.change?.newConfigurationFiles.map(\.string) ?? []
  }
}
