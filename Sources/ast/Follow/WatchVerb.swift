import ArgumentParser
import FoundationEssentials
import Glibc
import Host
import SnapshotTree
import Store
import SystemPackage

struct Watch: Verb {
  static let configuration = CommandConfiguration(
    commandName: "watch", abstract: "Follow a command that is at work",
    discussion: """
      Shows the progress of a command that a timer or another user has started, until it ends, and what came of it. The \
      exit status is that of the command. Control-C ends the watching only; `ast cancel` stops the command.
      """)
  static var needs: Need { .reading }

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @Argument(help: "The transaction, such as t17; needed if more than one command is at work.")
  var transaction: OperationName?

  func perform(in context: Context) throws -> Report {
    let store = try context.store
    if let transaction {
      switch try transaction.find(in: store) {
      case .ended(let operations): return Self.report(EndedCommand(operations))
      case .atWork(let operation): return try watch(operation, context.output, store)
      }
    }
    let atWork = OperationAtWork.all(on: store.root)
    guard let only = atWork.first else { return Self.list(atWork, "No command is at work.") }
    guard atWork.count == 1 else {
      let lines = atWork.map { "  ast watch \($0.name)   \($0.words)" }
      return Self.list(atWork, (["More than one command is at work. Type one of:"] + lines).joined(separator: "\n"))
    }
    return try watch(only, context.output, store)
  }

  private static func list(_ atWork: [OperationAtWork], _ text: String) -> Report {
    Report(text: text, data: ["operations": atWork.map(OperationAtWorkReport.init)])
  }

  private func watch(_ operation: OperationAtWork, _ output: Output, _ store: Store) throws -> Report {
    let view: any WatchView = output.json ? EventView(output) : BarView(output, store)
    let last = try operation.follow(view.show)
    view.end()
    return Self.report(try EndedCommand(last, in: store), after: last)
  }

  private static func report(_ end: EndedCommand, after last: OperationAtWork? = nil) -> Report {
    let event = FinishLine(
      status: end.status,
      result: end.error.map { Envelope(error: $0) } ?? Envelope(Report(text: "", data: CommandReport(end.operations))))
    var report = Report(text: end.sentence, data: CommandReport(end.operations), status: end.status)
    report.lastEvent = EventStream.line(event, of: last?.transaction ?? end.operations.first?.id)
    return report
  }
}

/// Shows what a record says.
private protocol WatchView: AnyObject {
  func show(_ operation: OperationAtWork) throws
  func end()
}

/// The events, for programs: what is in the stream of the command, as far as it is in the record.
private final class EventView: WatchView {
  private let output: Output
  private var isStarted = false
  private var shown: [NodeID?: ProgressLine] = [:]

  init(_ output: Output) { self.output = output }

  func show(_ operation: OperationAtWork) throws {
    if !isStarted { try output.printEvent(EventStream.line(operation.start, of: operation.transaction)) }
    isStarted = true
    for (line, text) in zip(operation.progress, operation.lines)
    where shown.updateValue(line, forKey: line.node) != line {
      try output.printEvent(text)
    }
  }

  func end() {}
}

/// The bar, for people; a line for each step, if standard error is not a terminal that redraws.
private final class BarView: WatchView {
  private let output: Output
  private let store: Store
  private let isDrawing = isatty(STDERR_FILENO) == 1 && !Terminal.isDumb
  private var isIntroduced = false
  private var steps: [NodeID?: String] = [:]

  init(_ output: Output, _ store: Store) { (self.output, self.store) = (output, store) }

  func show(_ operation: OperationAtWork) throws {
    if !isIntroduced {
      output.tellUser("\(operation.name) is `\(try operation.command(in: store))`, \(operation.origin)")
      isIntroduced = true
    }
    guard output.isForPeople else { return }
    let words = ProgressWords(operation.progress, nodes: operation.nodes, done: operation.nodesDone)
    guard !isDrawing else { return output.drawn.draw(words.text(within: Terminal.width)) }
    for line in operation.progress {
      let step = words.step(line)
      if steps.updateValue(step, forKey: line.node) != step { FileDescriptor.standardError.tell(step) }
    }
  }

  func end() { output.drawn.clear() }
}

extension OperationAtWork {
  /// Who started it, and when.
  var origin: String { "started by \(Printable.line(start.user)) at \(LocalTime.text(start.started))" }

  /// The command as it was typed, if the history has it already and shows it to this user, else as in the record.
  func command(in store: Store) throws -> String {
    try transaction.flatMap(store.tree.operation).map { Printable.line($0.command) } ?? start.command
  }

  /// What it is, in one line.
  var words: String { "\(start.command) (pid \(start.pid), \(origin))" }
}

/// A command at work as `--json` shows it.
struct OperationAtWorkReport: Encodable {
  let operation: String
  @Nullable var transaction: String?
  let command: String
  let pid: Int32
  @Nullable var node: NodeID?
  let user: String
  let started: Date
  let cancellable: Bool
  @Nullable var overall: Double?
  let progress: [ProgressLine]

  init(_ operation: OperationAtWork) {
    self.operation = operation.name
    transaction = operation.transaction.map { "\($0)" }
    (command, pid, user) = (operation.start.command, operation.start.pid, operation.start.user)
    (node, started) = (operation.start.node, operation.start.started)
    (cancellable, overall, progress) = (operation.isCancellable, operation.overall, operation.progress)
  }
}
