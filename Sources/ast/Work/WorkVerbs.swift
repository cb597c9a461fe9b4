import ArgumentParser
import FoundationEssentials
import Glibc
import Host
import Live
import Nodes
import SnapshotTree
import Store

struct Chroot: Verb {
  static let configuration = CommandConfiguration(
    commandName: "chroot", abstract: "Open a shell in a node: `exit 0` keeps the changes, `exit 1` discards them",
    aliases: ["cr"])
  static var failureStatus: Int32? { 125 }

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @OptionGroup var sandbox: SandboxOptions
  @Argument(help: "The node to work in.") var node: NodeName

  var subject: NodeName? { node }

  func perform(in context: Context) throws -> Report {
    let node = try context.node(self.node)
    let shell = try context.store.shell(of: node)
    if isatty(STDIN_FILENO) == 1 {
      context.output.note("node \(node) is open: `exit 0` keeps the changes, `exit 1` discards them")
    }
    let outcome = try context.store.run(
      shell, in: node, as: "chroot", withNetwork: !sandbox.withoutNetwork)
    return Report(outcome, of: node, context.output)
  }
}

struct LiveChroot: Verb {
  static let configuration = CommandConfiguration(
    commandName: "live-chroot", abstract: "Open a shell in the running system, with a writable root", aliases: ["lc"]
  )
  static var mounts: Bool { true }
  static var failureStatus: Int32? { 125 }

  @OptionGroup(title: HelpText.general) var global: GlobalOptions

  func perform(in context: Context) throws -> Report {
    let live = try LiveRoot(of: context.store)
    context.output.note(
      "this is the running system: your changes here are not in the next deployment; `ast chroot \(live.node)` opens its node"
    )
    try live.becomeShell()
  }
}

struct Run: Verb {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Run a command in a node; its changes are kept if it succeeds")
  static var failureStatus: Int32? { 125 }

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @OptionGroup var sandbox: SandboxOptions
  @Argument(help: "The node to work in.") var node: NodeName
  @Argument(parsing: .postTerminator, help: "The command and its arguments.") var command: [String] = []

  func validate() throws {
    guard !command.isEmpty else { throw ValidationError("a command to run in node \(node) is missing") }
  }

  var subject: NodeName? { node }

  func perform(in context: Context) throws -> Report {
    let node = try context.node(self.node)
    let outcome = try context.store.run(command, in: node, as: "run", withNetwork: !sandbox.withoutNetwork)
    return Report(outcome, of: node, context.output)
  }
}

struct TreeRun: Verb {
  static let configuration = CommandConfiguration(
    commandName: "tree-run", abstract: "Run a command in a node and everything below it", aliases: ["trun"])

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @OptionGroup var sandbox: SandboxOptions
  @Argument(help: "The top of the tree.") var node: NodeName
  @Argument(parsing: .postTerminator, help: "The command and its arguments.") var command: [String] = []

  func validate() throws {
    guard !command.isEmpty else { throw ValidationError("a command to run in the tree of \(node) is missing") }
  }

  var subject: NodeName? { node }

  func perform(in context: Context) throws -> Report {
    let node = try context.node(self.node)
    context.output.events?.expect(nodes: try context.store.subtree(node).count)
    let results = try context.store.runInTree(command, top: node, withNetwork: !sandbox.withoutNetwork) {
      context.output.tell($0)
    }
    return Report(results, of: "Tree \(node)", transaction: try context.store.firstOperation)
  }
}

struct EditConf: Verb {
  static let configuration = CommandConfiguration(
    commandName: "edit-conf", abstract: "Edit a node's settings, its /etc/ast/node.toml", aliases: ["edit"])

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @Argument(help: "The node.") var node: NodeName

  var subject: NodeName? { node }

  func perform(in context: Context) throws -> Report {
    let node = try context.node(self.node)
    let variables = ProcessInfo.processInfo.environment
    let editor = ["VISUAL", "EDITOR"].compactMap { variables[$0] }.first { !$0.isEmpty } ?? "editor"
    let outcome = try context.store.editConfiguration(of: node, editor: editor) { fault in
      try Confirmation.isAsked(global) && Confirmation.agreed("\(Printable.line("\(fault)")). Edit it again?", global)
    }
    return Report(outcome, of: node, context.output)
  }
}

struct Undo: Verb {
  static let configuration = CommandConfiguration(
    commandName: "undo", abstract: "Go back to what a node was before its last change; undo again to take that back",
    discussion: """
      With --operation, all nodes that a command such as tree-upgrade has changed go back at once: all of them, or, if \
      one was changed since, none.
      """)

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @Option(help: ArgumentHelp("The generation to go back to (`ast history N` lists them).", valueName: "generation"))
  var to: GenerationNumber?
  @Option(help: ArgumentHelp("Take back what the command with this transaction did (`ast history`).", valueName: "tN"))
  var operation: TransactionName?
  @Argument(help: "The node.") var node: NodeName?

  func validate() throws {
    guard node != nil || operation != nil else { throw ValidationError("a node, or --operation, is missing") }
    guard node == nil && to == nil || operation == nil else {
      throw ValidationError("--operation takes no node and no --to")
    }
  }

  var subject: NodeName? { node }

  func perform(in context: Context) throws -> Report {
    if let operation { return Report(try context.store.undoCommand(with: operation.id), of: operation.id) }
    guard let name = self.node else { throw AstError(.usage, "a node is missing", state: .unchanged) }
    let node = try context.node(name)
    let made = try context.store.undo(node, to: to)
    return Report(
      text: "Node \(node) is at generation \(made.node.current) again.",
      data: ["generation": made.node.current], transaction: made.operation)
  }
}

extension Report {
  /// The report on a command that was taken back.
  fileprivate init(_ undone: Store.Undone, of operation: OperationID) {
    let lines = undone.nodes.map { "Node \($0.id) is at generation \($0.current) again." }
    let leftOut =
      undone.leftOut.isEmpty ? [] : ["Left out, because t\(operation) failed there: \(NodeList(undone.leftOut).words)."]
    self.init(
      text: (lines + leftOut).joined(separator: "\n"),
      data: UndoneReport(
        nodes: undone.nodes.map { UndoneReport.Node(node: $0.id, generation: $0.current) }, leftOut: undone.leftOut),
      transaction: undone.operation)
  }
}

/// A command that was taken back as `--json` shows it.
private struct UndoneReport: Encodable {
  struct Node: Encodable {
    let node: NodeID
    let generation: GenerationNumber
  }

  let nodes: [Node]
  let leftOut: [NodeID]
}

/// The options for running a program in a node.
struct SandboxOptions: ParsableArguments {
  @Flag(name: .customLong("no-network"), help: "Run the program without a network.")
  var withoutNetwork = false
}

extension Report {
  /// The report on a run. The result goes to standard error, because standard output belongs to the program.
  init(_ outcome: RunOutcome, of node: NodeID, _ output: Output) {
    output.note("node \(node): \(outcome.words)")
    output.tell(outcome.accounts, of: node)
    let interruption = outcome.interruption.map { AstError.interrupted(by: $0, state: .discarded) }
    self.init(
      text: "", data: interruption == nil ? RunReport(node: node, outcome) : nil, transaction: outcome.operation,
      status: outcome.exitStatus, error: interruption)
  }
}

extension RunOutcome {
  /// The result, as the user reads it.
  var words: String {
    switch effect {
    case .committed(let generation): "changes kept as generation \(generation)"
    case .unchanged: "nothing was changed"
    case .discarded:
      if let interruption {
        "interrupted by signal \(interruption); changes discarded"
      } else {
        "exit status \(status); changes discarded"
      }
    }
  }

  /// The exit status of the command line.
  var exitStatus: Int32 { interruption.map { 128 + $0 } ?? status }
}

extension Report {
  /// The report on the same work in several nodes; `what` names them all, `transaction` what was done to them.
  init(_ results: [TreeRunResult], of what: String, transaction: OperationID?) {
    let failed = results.filter { !$0.succeeded }
    let interruption = results.compactMap(\.interruption).first
    let done = "\(results.count - failed.count) of \(results.count) nodes done"
    self.init(
      text: "\(what): \(interruption == nil ? "" : "interrupted; ")\(done).",
      data: ["nodes": results.map(TreeRunReport.init)], transaction: transaction,
      status: interruption.map { 128 + $0 } ?? (failed.isEmpty ? 0 : AstError.Code.partial.exitStatus),
      error: interruption.map { .interrupted(by: $0, state: nil) })
  }
}

extension Output {
  /// Reports the result of one of several nodes.
  func tell(_ result: TreeRunResult) {
    events?.finish(result.node.id)
    note("node \(result.node.id): \(result.words)")
    if case .success(let outcome) = result.outcome { tell(outcome.accounts, of: result.node.id) }
  }
}

extension TreeRunResult {
  fileprivate var words: String {
    switch outcome {
    case .success(let outcome): outcome.words
    case .failure(let error): error.message
    }
  }
}

/// A run as `--json` shows it.
private struct RunReport: Encodable {
  let node: NodeID
  let effect: String
  @Nullable var generation: GenerationNumber?
  let status: Int32

  init(node: NodeID, _ outcome: RunOutcome) {
    self.node = node
    status = outcome.status
    switch outcome.effect {
    case .committed(let number): (effect, generation) = ("committed", number)
    case .unchanged: (effect, generation) = ("unchanged", nil)
    case .discarded: (effect, generation) = ("discarded", nil)
    }
  }
}

/// One node of a `tree-run` as `--json` shows it.
private struct TreeRunReport: Encodable {
  let node: NodeID
  @Nullable var run: RunReport?
  @Nullable var error: String?

  init(_ result: TreeRunResult) {
    node = result.node.id
    switch result.outcome {
    case .success(let outcome): (run, error) = (RunReport(node: result.node.id, outcome), nil)
    case .failure(let failure): (run, error) = (nil, failure.message)
    }
  }
}
