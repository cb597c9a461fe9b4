import ArgumentParser
import FoundationEssentials
import Glibc
import Host
import SnapshotTree
import Store
import SystemPackage

struct Cancel: Verb {
  static let configuration = CommandConfiguration(
    commandName: "cancel", abstract: "Stop a command that is at work",
    discussion: """
      Stops it as Control-C does, and waits until it has ended: what it has not committed is discarded. A command that \
      works on more than one node is stopped as a whole. The exit status is 0 if it was cancelled, and 1 if it was too \
      late for that.
      """)
  static var needs: Need { .reading }

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @Argument(help: "The transaction, such as t17; needed if more than one command is at work.")
  var transaction: OperationName?

  func perform(in context: Context) throws -> Report {
    let store = try context.store
    guard let transaction else { return try cancel(only(in: store), context.output, store) }
    switch try transaction.find(in: store) {
    case .ended(let operations):
      let end = EndedCommand(operations)
      return Report(
        text: "\(end.name) has ended already: \(CommandState.words(operations)).",
        data: CancelReport(end, isCancelled: false), status: 1)
    case .atWork(let operation): return try cancel(operation, context.output, store)
    }
  }

  /// The only command at work.
  private func only(in store: Store) throws -> OperationAtWork {
    let atWork = OperationAtWork.all(on: store.root)
    guard let only = atWork.first else { throw AstError(.notFound, "no command is at work", state: .unchanged) }
    guard atWork.count == 1 else {
      let names = atWork.map { "`ast cancel \($0.name)` (\($0.start.command))" }
      throw AstError(
        .usage, "\(atWork.count) commands are at work", state: .unchanged, hint: names.joined(separator: ", or "))
    }
    return only
  }

  private func cancel(_ operation: OperationAtWork, _ output: Output, _ store: Store) throws -> Report {
    let name = operation.name
    if operation.nodes > 1 { output.note("\(name) works on \(operation.nodes) nodes, and is stopped as a whole") }
    if !operation.isCancellable { output.note("\(name) is committing: it may be too late to stop it") }
    // A process that has ended by now is no failure: its end is looked at below.
    try operation.stop()
    let last = try operation.follow { _ in }
    let end = try EndedCommand(last, in: store)
    let isCancelled = end.outcome == .cancelled
    let text = end.outcome == .done ? "It was too late: \(end.sentence)" : end.sentence
    return Report(
      text: text, data: CancelReport(end, isCancelled: isCancelled), transaction: end.operations.first?.id,
      status: isCancelled ? 0 : 1)
  }
}

extension OperationAtWork {
  /// Sends its process the signal to stop.
  fileprivate func stop() throws {
    do {
      _ = try start.process.send(stopSignal)
    } catch {
      guard error == .notPermitted else { throw AstError(.failed, "cannot stop \(name): \(error)") }
      throw AstError(.needsRoot, "only root may stop \(name) (use sudo)", state: .unchanged)
    }
  }

  /// What Control-C sends; a shell that somebody works in ends when its terminal is closed. Scripts start what they put
  /// in the background with SIGINT ignored, and nohup(1) ignores SIGHUP.
  private var stopSignal: Int32 {
    let verb = start.command.split(separator: " ").dropFirst().first
    let signal = ["chroot", "live-chroot"].contains(verb) ? SIGHUP : SIGINT
    return ignoredSignals >> (signal - 1) & 1 == 0 ? signal : SIGTERM
  }

  /// The signals that the process ignores, a bit for each (proc_pid_status(5), `SigIgn`).
  private var ignoredSignals: UInt64 {
    let text = (try? String(contentsOfFile: "/proc/\(start.pid)/status", encoding: .utf8)) ?? ""
    let line = text.split(separator: "\n").first { $0.hasPrefix("SigIgn:") }
    return line.flatMap { UInt64($0.split(separator: "\t").last ?? "", radix: 16) } ?? 0
  }
}

/// The end of a command that was to be stopped as `--json` shows it.
private struct CancelReport: Encodable {
  let operation: String
  let cancelled: Bool
  let outcome: EndedCommand.Outcome
  let operations: [OperationReport]

  init(_ end: EndedCommand, isCancelled: Bool) {
    (operation, cancelled, outcome) = (end.name, isCancelled, end.outcome)
    operations = end.operations.map(OperationReport.init)
  }
}
