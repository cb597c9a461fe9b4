import ArgumentParser
import Boot
import Etc
import FoundationEssentials
import Host
import Nodes
import Rootfs
import SnapshotTree
import Store

struct Deploy: Verb {
  static let configuration = CommandConfiguration(
    commandName: "deploy", abstract: "Boot a node at the next start",
    discussion: """
      The running system is not touched. The machine's own /etc is merged into the new deployment; `--simulate` shows \
      the result. If the new deployment does not come up, the machine falls back to the last good one.
      """)
  static var mounts: Bool { true }

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @Flag(
    name: [.customShort("n"), .customLong("simulate"), .customLong("dry-run")],
    help: "Show what would happen to /etc, and change nothing.")
  var simulate = false
  @Option(help: ArgumentHelp("What to do with the changes in /etc: merge or fresh.", valueName: "mode"))
  var etc = EtcMode.merge
  @Flag(help: "Boot it at the next start only.") var once = false
  @Flag(name: .customLong("no-default"), help: "Only add it to the boot menu.") var withoutDefault = false
  @Flag(help: "Copy an initrd with the key of a disk to where GRUB reads it, not encrypted.") var allowKeyInInitrd =
    false
  @Argument(help: "The node (default: the node that is booted on trial).") var node: NodeName?

  func validate() throws {
    guard !once || !withoutDefault else { throw ValidationError("--once and --no-default exclude each other") }
  }

  var subject: NodeName? { node }

  func perform(in context: Context) throws -> Report {
    let store = try context.store
    let id = try node.map(context.node) ?? trial(in: store)
    var options = DeployOptions()
    options.etc = etc
    options.allowsKeyInInitrd = allowKeyInInitrd
    options.choice = once ? .once : withoutDefault ? .never : .always
    if simulate {
      let report = try store.simulateDeploy(id, options)
      let merged =
        report.sentences.isEmpty
        ? " nothing in /etc is in conflict." : report.sentences.map { "\n  \($0)" }.joined()
      let heading = "Node \(id) would be \(effect)\(report.sentences.isEmpty ? ";" : ". In its /etc:")"
      return Report(text: heading + merged, data: ["etc": report])
    }
    // The clone, what follows from its /etc, and grub.cfg.
    let steps = StepView(context.output, expecting: 3, on: id)
    let made = try store.deploy(id, options, progress: steps.show)
    for line in made.etc.sentences { context.output.note(line) }
    let deleted = made.deleted.isEmpty ? "" : "\n\(Self.words(deleted: made.deleted))"
    return Report(
      text: "Node \(id) is deployment \(made.deployment.id); \(next(made)).\(deleted)", data: DeployReport(made),
      transaction: made.operation)
  }

  private func trial(in store: Store) throws -> NodeID {
    guard case .trial(let generation) = try store.booted() else {
      throw AstError(.usage, "a node is missing", hint: "`ast tree` shows the nodes")
    }
    return generation.node
  }

  /// What would happen to the node.
  private var effect: String {
    switch (once, withoutDefault) {
    case (true, _): "deployed for the next start only"
    case (_, true): "added to the boot menu only"
    default: "deployed"
    }
  }

  private func next(_ made: DeployOutcome) -> String {
    let superseded = made.supersededOnce.map { ", instead of deployment \($0)" } ?? ""
    switch (once, withoutDefault) {
    case (true, _): return "it boots at the next start, and only then\(superseded)"
    case (_, true): return "it is in the boot menu"
    default:
      let fallback = made.fallback.map { "; deployment \($0) is the fallback" } ?? ""
      return "it boots at the next start\(superseded)\(fallback)"
    }
  }

  /// A sentence about the old deployments that were deleted.
  private static func words(deleted: [DeploymentID]) -> String {
    let numbers = deleted.sorted().map { "\($0)" }
    let which =
      numbers.count == 1 ? "Deployment \(numbers[0]) was" : "Deployments \(numbers.joined(separator: ", ")) were"
    return "\(which) deleted, as there are newer ones; `ast pin` keeps one."
  }
}

struct Rollback: Verb {
  static let configuration = CommandConfiguration(
    commandName: "rollback", abstract: "Make the running or the last good deployment the default",
    discussion: """
      If the running deployment is not the default, it becomes the default. Otherwise the last good one before it does.
      """)
  static var needs: Need { .freeing }

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @Option(
    help: ArgumentHelp("The deployment to make the default (`ast deployments` lists them).", valueName: "deployment"))
  var to: DeploymentID?

  func perform(in context: Context) throws -> Report {
    let done = try context.store.rollBack(to: to)
    let deployment = done.deployment
    let when = done.isBooted ? "is the default and keeps running" : "boots at the next start"
    return Report(
      text: "Deployment \(deployment.id) (node \(deployment.node)) \(when), instead of deployment \(done.before).",
      data: ["deployment": deployment.id, "before": done.before], transaction: done.operation)
  }
}

struct Deployments: Verb {
  static let configuration = CommandConfiguration(
    commandName: "deployments", abstract: "List the deployments, the newest first")
  static var needs: Need { .reading }

  @OptionGroup(title: HelpText.general) var global: GlobalOptions

  func perform(in context: Context) throws -> Report {
    let facts = try context.store.deploymentFacts()
    let rows = facts.map { fact in
      [
        "\(fact.deployment.id)", "\(fact.deployment.node)", "\(fact.deployment.generation)",
        Quantity.age(from: fact.deployment.created, to: Date()), fact.words,
      ]
    }
    let header = ["ID", "NODE", "GEN", "AGE", "STATE"]
    let widths = header.indices.map { column in ([header] + rows).map { $0[column].count }.max() ?? 0 }
    let heading = Palette.results.strong(TreeView.row(header, widths) + "DESCRIPTION")
    let lines = zip(facts, rows).map { fact, row in
      let line = TreeView.row(row, widths) + Printable.line(fact.description)
      return fact.deployment.state == .failed ? Palette.results.bad(line) : line
    }
    return Report(
      text: facts.isEmpty ? "Nothing is deployed." : ([heading] + lines).joined(separator: "\n"),
      data: ["deployments": facts.map(DeploymentReport.init)])
  }
}

struct Pin: Verb {
  static let configuration = CommandConfiguration(
    commandName: "pin", abstract: "Keep a deployment or a generation, however many newer ones there are")

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @Argument(help: ArgumentHelp("The deployment or generation.", valueName: "deployment")) var target: PinTarget

  func perform(in context: Context) throws -> Report {
    try Report(pinning: true, target, context)
  }
}

struct Unpin: Verb {
  static let configuration = CommandConfiguration(
    commandName: "unpin", abstract: "Let a deployment or a generation be deleted when there are newer ones")

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @Argument(help: ArgumentHelp("The deployment or generation.", valueName: "deployment")) var target: PinTarget

  func perform(in context: Context) throws -> Report {
    try Report(pinning: false, target, context)
  }
}

extension Report {
  /// The report on pinning or unpinning.
  fileprivate init(pinning isPinned: Bool, _ target: PinTarget, _ context: Context) throws {
    let store = try context.store
    func words(_ subject: String, _ operation: OperationID?) -> String {
      if operation == nil {
        return "\(subject) \(isPinned ? "is pinned already" : "was not pinned"); nothing was changed."
      }
      return "\(subject) \(isPinned ? "is pinned" : "is no longer pinned")."
    }
    switch target {
    case .deployment(let deployment):
      let operation = try store.setPinned(isPinned, deployment)
      self.init(
        text: words("Deployment \(deployment)", operation), data: ["deployment": deployment], transaction: operation)
    case .generation(let name):
      let reference = try store.reference(named: name)
      guard reference.number != nil else {
        throw AstError(
          .usage, "“\(name)” is node \(reference.node), and a deployment or a generation is needed", state: .unchanged,
          hint: "name a generation: `ast history \(reference.node)` shows those of the node")
      }
      let (generation, operation) = try store.setPinned(isPinned, reference)
      self.init(
        text: words("Generation \(generation)", operation),
        data: PinReport(node: generation.node, generation: generation.number),
        transaction: operation)
    }
  }
}

/// What is pinned: a deployment (`3` or `d3`), or a generation.
enum PinTarget: ExpressibleByArgument {
  case deployment(DeploymentID)
  case generation(GenerationName)

  init?(argument: String) {
    if let deployment = DeploymentID(argument: argument) {
      self = .deployment(deployment)
    } else if let name = GenerationName(argument) {
      self = .generation(name)
    } else {
      return nil
    }
  }

  static var defaultCompletionKind: CompletionKind { Completion.pinTargets }
}

/// A pinned generation as `--json` shows it.
private struct PinReport: Encodable {
  let node: NodeID
  let generation: GenerationNumber
}

extension DeploymentFacts {
  /// The state of the deployment for people.
  var stateWords: String { deployment.words(isBooted: isBooted) }

  /// The text in the STATE column.
  var words: String {
    let marks = [
      ("booted", isBooted), ("default", isDefault), ("fallback", isPrevious), ("next boot only", isOnce),
      ("pinned", deployment.isPinned),
    ]
    return ([stateWords] + marks.filter(\.1).map(\.0) + tags.map { "tag \($0)" }).joined(separator: ", ")
  }
}

extension Deployment {
  /// The state for people: only what is running is being tried.
  func words(isBooted: Bool) -> String { state == .trying && !isBooted ? "not booted yet" : state.rawValue }
}

/// A deployment as `--json` shows it.
struct DeploymentReport: Encodable {
  let deployment: DeploymentID
  let node: NodeID
  let generation: GenerationNumber
  let created: Date
  let state: DeploymentState
  @Nullable var reason: String?
  let description: String
  let booted: Bool
  let isDefault: Bool
  let fallback: Bool
  let once: Bool
  let pinned: Bool
  let tags: [TagName]
  @Nullable var kernel: String?

  init(_ facts: DeploymentFacts) {
    let deployment = facts.deployment
    self.deployment = deployment.id
    node = deployment.node
    generation = deployment.generation
    created = deployment.created
    state = deployment.state
    reason = deployment.reason
    description = facts.description
    booted = facts.isBooted
    isDefault = facts.isDefault
    fallback = facts.isPrevious
    once = facts.isOnce
    pinned = deployment.isPinned
    tags = facts.tags
    kernel = deployment.boot?.kernel
  }
}

/// A deployment that was made, as `--json` shows it.
private struct DeployReport: Encodable {
  let deployment: DeploymentID
  let node: NodeID
  let generation: GenerationNumber
  let etc: EtcReport
  @Nullable var fallback: DeploymentID?
  @Nullable var supersededOnce: DeploymentID?
  let deleted: [DeploymentID]

  init(_ made: DeployOutcome) {
    deployment = made.deployment.id
    node = made.deployment.node
    generation = made.deployment.generation
    etc = made.etc
    fallback = made.fallback
    supersededOnce = made.supersededOnce
    deleted = made.deleted.sorted()
  }
}
