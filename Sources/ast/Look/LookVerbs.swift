import ArgumentParser
import Boot
import FoundationEssentials
import Host
import Nodes
import Settings
import SnapshotTree
import Store
import SystemPackage

struct Status: Verb {
  static let configuration = CommandConfiguration(commandName: "status", abstract: "Show the state of the store")
  static var needs: Need { .reading }

  @OptionGroup(title: HelpText.general) var global: GlobalOptions

  func perform(in context: Context) throws -> Report {
    let (overview, notices) = try (context.store.overview(), Notices(of: context.store))
    let atWork = OperationAtWork.all(on: global.root)
    return Report(
      text: Self.text(overview, notices, atWork, of: global.root),
      data: StatusReport(global.root.string, overview, notices, atWork))
  }

  /// The text of the report.
  static func text(
    _ overview: Overview, _ notices: Notices, _ atWork: [OperationAtWork], of root: FilePath
  ) -> String {
    let space = overview.space
    var lines = [("Store", "\(root)"), ("Nodes", "\(overview.nodes)")]
    lines +=
      boot(overview) + notices.starts.map { ("Changed", $0) } + notices.etc.map { ("/etc", $0) }
      + notices.loader.map { ("Boot loader", $0) }
    lines.append(
      (
        "Space",
        "\(Quantity.bytes(space.used)) used, \(Quantity.bytes(space.available)) free"
          + " of \(Quantity.bytes(space.size))"
      ))
    if overview.isolation == .off {
      lines.append(("Network", "programs in nodes have the machine's own (network.isolation = \"off\")"))
    }
    if !overview.leftBehind.isEmpty {
      lines.append(("Left behind", "\(overview.leftBehind.joined(separator: ", ")): in \"Debian before ast\" only"))
    }
    lines += running(overview.running, atWork).map { ("Running", $0) }
    return table(lines, width: Terminal.widthOfResults)
  }

  /// The commands at work, by the names that `watch` and `cancel` take. The history has what was typed, if this user may
  /// see that; a command that plans is not in it yet, and one of an older ast has no record.
  private static func running(_ operations: [SnapshotTree.Operation], _ atWork: [OperationAtWork]) -> [String] {
    let leaders = operations.filter { operation in !operations.contains { $0.id == operation.leader } }
    let planning = atWork.filter { command in !leaders.contains { $0.pid == command.start.pid } }
    return leaders.map {
      "t\($0.leader ?? $0.id) \($0.command) (pid \($0.pid), since \(LocalTime.text($0.started)))"
    }
      + planning.map {
        "\($0.name) \($0.start.command) (pid \($0.start.pid), since \(LocalTime.text($0.start.started)))"
      }
  }

  /// The running deployment, the ones that boot next, and the failed ones.
  private static func boot(_ overview: Overview) -> [(String, String)] {
    let booted =
      switch overview.booted {
      case nil: Store.runningNode.map { "node \($0) of another store" } ?? "not from this store"
      case .deployment(let deployment): words(deployment, isBooted: true)
      case .trial(let generation):
        "node \(generation.node) on trial: changes in /etc are lost at the next boot (`ast deploy` keeps the node and the changes)"
      }
    let deployed = overview.deployments
    let byDefault =
      deployed.first(where: \.isDefault).map(words)
      ?? overview.defaultNode.map { "node \($0), not deployed" } ?? "none"
    var lines = [("Booted", booted), ("Default", byDefault)]
    if let left = overview.leftAtNextStart {
      lines.append(
        ("Next boot", "goes back to node \(left.next.node); `ast deploy \(left.running.node)` keeps the running one"))
    }
    lines += deployed.filter(\.isOnce).map { ("Next boot", words($0)) }
    lines += deployed.filter(\.isPrevious).map { ("Fallback", words($0)) }
    lines += deployed.filter { $0.deployment.state == .failed }.map { (failed, words($0)) }
    return lines
  }

  private static let failed = "Failed"

  private static func words(_ facts: DeploymentFacts) -> String { words(facts.deployment, isBooted: facts.isBooted) }

  private static func words(_ deployment: Deployment, isBooted: Bool) -> String {
    let reason = deployment.reason.map { ": \($0)" } ?? ""
    return "deployment \(deployment.id) (node \(deployment.node)), \(deployment.words(isBooted: isBooted))\(reason)"
  }

  /// Labels, and the text behind each.
  ///
  /// - Parameter width: the columns of the terminal, into which the text is wrapped; nil for one line each.
  static func table(_ lines: [(String, String)], width: Int? = nil) -> String {
    let indent = (lines.map(\.0.count).max() ?? 0) + 3
    return lines.map { label, text in
      let text = Printable.line(text)
      let rows = width.map { Wrapping.lines(text.split(separator: " "), width: $0 - indent) } ?? [text]
      let start = "\(label):\(String(repeating: " ", count: indent - label.count - 1))"
      let line = start + rows.joined(separator: "\n" + String(repeating: " ", count: indent))
      return label == failed ? Palette.results.bad(line) : line
    }.joined(separator: "\n")
  }
}

struct Info: Verb {
  static let configuration = CommandConfiguration(
    commandName: "info", abstract: "Show the details of a node, a generation, a deployment or a transaction")
  static var needs: Need { .reading }

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @Argument(help: "The node or generation, a deployment such as d3, or a transaction such as t17.")
  var node: GenerationName

  func perform(in context: Context) throws -> Report {
    let store = try context.store
    if let transaction = TransactionName(argument: node.description) {
      return try Self.report(on: transaction.id, store)
    }
    if let deployment = try store.deployment(named: node.description) {
      return try Self.report(on: deployment, store)
    }
    let reference = try store.reference(named: node)
    let facts = try store.facts(of: reference)
    guard reference.number == nil else { return try Self.report(onGeneration: facts, store) }
    let node = facts.node.id
    let kept = try store.tree.generations(of: node).map { "\($0.number)" }.joined(separator: ", ")
    let named = facts.tags.map { tag in tag.generation == nil ? "\(tag.name)" : "\(tag.name) (\(tag.target))" }
    let pinned = facts.pinnedGenerations.map { "\($0)" }
    let lines: [(String, String)] = [
      ("Node", "\(node) - \(facts.node.description)"),
      ("Parent", facts.node.parent.map { "\($0)" } ?? "root"),
      ("Created", LocalTime.text(facts.node.created)),
      ("Changed", LocalTime.text(facts.generation.created)),
      ("Generation", "\(facts.generation.number) (kept: \(kept))"),
      ("Packages", facts.packages.map { "\($0)" } ?? "no dpkg"),
      ("Size", facts.generation.size.map(Quantity.bytes) ?? "unknown"),
      ("State", facts.state.isEmpty ? "-" : facts.state),
      ("Tags", named.isEmpty ? "-" : named.joined(separator: ", ")),
      ("Pinned", pinned.isEmpty ? "-" : "generation \(pinned.joined(separator: ", "))"),
      ("Path", "\(global.root.pushing(facts.generation.path))"),
      ("UUID", "\(facts.generation.subvolume)"),
    ]
    return Report(text: Status.table(lines), data: NodeReport(facts))
  }

  /// The report on a generation of a node.
  private static func report(onGeneration facts: NodeFacts, _ store: Store) throws -> Report {
    let (node, generation) = (facts.node, facts.generation)
    let role = generation.number == node.current ? ["current"] : generation.number == node.previous ? ["previous"] : []
    let deployed = facts.deployments.filter { $0.generation == generation.number }.map { "deployment \($0.id)" }
    let pin = facts.pinnedGenerations.contains(generation.number) ? ["pinned"] : []
    let state = role + deployed + pin
    let named = facts.tags.filter { $0.generation == generation.number }.map { "\($0.name)" }
    let origin = try generation.operation.flatMap(store.tree.operation).map { "t\($0.id), `\($0.command)`" }
    let lines: [(String, String)] = [
      ("Generation", "\(generation.id)"), ("Node", "\(node.id) - \(node.description)"),
      ("Created", LocalTime.text(generation.created)), ("By", origin ?? "-"),
      ("Packages", facts.packages.map { "\($0)" } ?? "no dpkg"),
      ("Size", generation.size.map(Quantity.bytes) ?? "unknown"),
      ("State", state.isEmpty ? "-" : state.joined(separator: ", ")),
      ("Tags", named.isEmpty ? "-" : named.joined(separator: ", ")),
      ("Path", "\(store.root.pushing(generation.path))"), ("UUID", "\(generation.subvolume)"),
    ]
    return Report(text: Status.table(lines), data: NodeReport(facts))
  }

  /// The report on a deployment.
  private static func report(on id: DeploymentID, _ store: Store) throws -> Report {
    guard let facts = try store.deploymentFacts().first(where: { $0.deployment.id == id }) else {
      throw AstError(.notFound, "there is no deployment \(id)", hint: "`ast deployments` lists them")
    }
    let deployment = facts.deployment
    let lines: [(String, String)] = [
      ("Deployment", "\(id)"), ("Node", "\(deployment.node) - \(facts.description)"),
      ("Generation", "\(GenerationID(deployment.node, deployment.generation))"),
      ("Created", LocalTime.text(deployment.created)), ("State", facts.words),
      ("Reason", deployment.reason ?? "-"), ("Kernel", deployment.boot.map { "/\($0.kernel)" } ?? "-"),
      ("Path", "\(store.root.pushing(deployment.path))"), ("UUID", deployment.subvolume.map { "\($0)" } ?? "-"),
    ]
    return Report(text: Status.table(lines), data: ["deployments": [DeploymentReport(facts)]])
  }

  /// The report on all that the command of a transaction did.
  private static func report(on transaction: OperationID, _ store: Store) throws -> Report {
    let operations = try store.tree.operations(ofCommandWith: transaction)
    guard let first = operations.first else {
      throw AstError(.notFound, "there is no transaction t\(transaction)", hint: "`ast history` lists them")
    }
    var lines = [
      ("Transaction", "t\(first.id)"), ("Command", first.command), ("State", CommandState.words(operations)),
      ("Started", LocalTime.text(first.started)),
    ]
    if operations.allSatisfy({ $0.state != .running }), let ended = operations.compactMap(\.ended).max() {
      lines.append(("Ended", LocalTime.text(ended)))
    }
    lines += try operations.map { operation in
      (operation.node.map { "Node \($0)" } ?? "Store", try Self.words(operation, of: first, store))
    }
    let hints = try operations.compactMap { try Self.hint(on: $0, store) }
    return Report(
      text: ([Status.table(lines)] + (hints.isEmpty ? [] : ["", "To see what it changed:"] + hints))
        .joined(separator: "\n"), data: CommandReport(operations))
  }

  /// What an operation did; one that is not the first of its command has its own name.
  private static func words(_ operation: Operation, of first: Operation, _ store: Store) throws -> String {
    let node = try operation.node.map { node in
      try store.tree.node(node).map { " in “\($0.description)”" } ?? " in a node that is deleted"
    }
    let change = operation.change.map { ", generation \($0.from) to \($0.to)" } ?? ""
    let message = operation.message.map { ": \($0)" } ?? ""
    let name = operation.id == first.id ? "" : " (t\(operation.id))"
    return "\(operation.kind)\(node ?? "")\(name)\(change), \(operation.state.rawValue)\(message)"
  }

  /// The command that shows what an operation changed; nil if it changed nothing, or if a generation is not kept.
  private static func hint(on operation: Operation, _ store: Store) throws -> String? {
    guard let node = operation.node, let change = operation.change,
      let before = try store.tree.generation(of: node, change.from),
      let after = try store.tree.generation(of: node, change.to)
    else { return nil }
    return "  ast diff \(before.id) \(after.id)"
  }
}

struct History: Verb {
  static let configuration = CommandConfiguration(
    commandName: "history", abstract: "Show the history of a node or of all, and a node's generations",
    discussion: """
      Each command has one line, with the nodes it worked on. Long command lines are shortened; `ast info tN` shows a \
      transaction in full, and what to type to see what it changed.
      """)
  static var needs: Need { .reading }

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @Option(help: ArgumentHelp("The maximum number of commands.", valueName: "count")) var limit = 50
  @Argument(help: "The node.") var node: NodeName?

  func perform(in context: Context) throws -> Report {
    let store = try context.store
    guard limit >= 0 else { throw AstError(.usage, "a count cannot be \(limit)") }
    let node = try node.map(context.node)
    let held = try node.map(store.node)
    let commands = try store.tree.commands(of: node, limit: limit)
    let operations = commands.joined().filter { node == nil || $0.node == node }.sorted { $0.id > $1.id }
    let generations = try node.map(store.tree.generations) ?? []
    var lines = HistoryView(commands: commands, width: Terminal.width).lines
    if let held {
      let (tags, pinned) = (try store.tree.tags(), Set(try store.tree.pinnedGenerations()))
      let deployed = Dictionary(grouping: try store.tree.deployments(of: held.id), by: \.generation)
      lines += try generations.map { generation in
        let mark =
          generation.number == held.current ? " (current)" : generation.number == held.previous ? " (previous)" : ""
        let names = tags.filter { $0.target == GenerationReference(held.id, generation.number) }.map { ", \($0.name)" }
        let uses = (deployed[generation.number] ?? []).map { ", deployment \($0.id)" }
        let pin = pinned.contains(generation.id) ? ", pinned" : ""
        let origin = try generation.operation.flatMap(store.tree.operation).map { ", t\($0.id) \($0.kind)" } ?? ""
        return "generation \(generation.number)\(mark), \(LocalTime.text(generation.created))\(origin)"
          + uses.joined() + names.joined() + pin
      }
      do {
        lines.append(Self.rule(of: held, try store.settings.keep))
      } catch {
        context.output.warn(AstError(error).reason)
      }
    }
    return Report(
      text: lines.joined(separator: "\n"),
      data: HistoryReport(
        operations: operations.map(OperationReport.init), generations: generations.map(GenerationReport.init)))
  }
}

extension History {
  /// How long generations are kept.
  private static func rule(of node: Node, _ keep: KeepSettings) -> String {
    let newest = keep.generations == 1 ? "The newest is" : "The newest \(keep.generations) are"
    return "\(newest) kept, and what is deployed, pinned or tagged (`ast pin \(node.id)@N`)."
  }
}

/// The sentences of the state that are about one thing.
struct Notices {
  let etc: [String]
  let loader: [String]
  /// Nodes that run or start next as they were.
  let starts: [String]

  init(of store: Store) throws {
    (etc, loader) = try (store.etcNotices(), store.loaderNotices() + store.menuNotices())
    starts = try store.outdatedStarts().map(\.sentence)
  }
}

/// A store's state as `--json` shows it.
struct StatusReport: Encodable {
  let store: String
  let nodes: Int
  @Nullable var defaultNode: NodeID?
  @Nullable var bootedNode: NodeID?
  let trial: Bool
  let deployments: [DeploymentReport]
  let etc: [String]
  let bootLoader: [String]
  let networkIsolation: String
  let running: [OperationReport]
  let operations: [OperationAtWorkReport]
  let size: Int64
  let used: Int64
  let available: Int64

  init(_ store: String, _ overview: Overview, _ notices: Notices, _ atWork: [OperationAtWork]) {
    self.store = store
    operations = atWork.map(OperationAtWorkReport.init)
    etc = notices.etc
    bootLoader = notices.loader
    networkIsolation = overview.isolation.rawValue
    nodes = overview.nodes
    defaultNode = overview.defaultNode
    bootedNode = overview.booted?.node
    trial = overview.booted.map { $0.deployment == nil } ?? false
    deployments = overview.deployments.map(DeploymentReport.init)
    running = overview.running.map(OperationReport.init)
    size = overview.space.size
    used = overview.space.used
    available = overview.space.available
  }
}
