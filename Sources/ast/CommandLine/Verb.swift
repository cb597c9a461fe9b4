import ArgumentParser
import FoundationEssentials
import Glibc
import Host
import Nodes
import SnapshotTree
import Store
import SystemPackage

/// The result of a verb.
struct Report {
  /// The text for people, on standard output; without the last newline.
  var text: String
  /// The data for programs, with `--json`.
  var data: any Encodable
  /// The operation in the history.
  var transaction: OperationID?
  /// The exit status.
  var status: Int32 = 0
  /// Whether there was nothing to do: cron(8) would send the text each night, so nothing is printed without a terminal.
  var isUneventful = false
  /// The interruption that kept the verb from doing all of it, for programs: the text says it, too.
  var error: AstError?
  /// The last of a verb's own lines of JSON, which stands for the object.
  var lastEvent: String?
}

/// A verb of the command line: options in, one call of an operation, a report out.
protocol Verb: ParsableCommand {
  /// The options every verb has.
  var global: GlobalOptions { get }
  /// How the verb uses the store.
  static var needs: Need { get }
  /// How it uses the store with these options.
  var need: Need { get }
  /// Whether the verb mounts file systems, which other processes must not see.
  static var mounts: Bool { get }
  /// The exit status for an error of ast itself; nil for the one of the error.
  static var failureStatus: Int32? { get }

  /// Whether the verb is for timers, which print nothing for people.
  var isUnattended: Bool { get }

  /// The node that the verb works on; nil if there is none, or more than one.
  var subject: NodeName? { get }

  /// Whether the process does the work itself, so that others follow and stop the work by it.
  var isFollowed: Bool { get }

  /// Carries out the verb.
  func perform(in context: Context) throws -> Report
}

/// The rights and the store that a verb needs.
enum Need {
  /// Nothing: the verb does not use the store.
  case nothing
  /// The store, for reading: every user may.
  case reading
  /// Root, and the store, for changes.
  case writing
  /// Root, and the store, even on a full disk: for freeing space, or for going back to a system that works.
  case freeing
  /// Root; the operation opens the store itself.
  case root
}

/// The things that a verb works with.
struct Context {
  let output: Output
  let command: String
  let global: GlobalOptions
  /// The store, opened as the verb needs it.
  let opened: Store?

  /// The store, for verbs whose `needs` say so.
  var store: Store {
    get throws {
      guard let opened else { throw AstError(.failed, "this verb did not open the store") }
      return opened
    }
  }

  /// The node with this name. A number needs no store.
  func node(_ name: NodeName) throws -> NodeID {
    if case .number(let number) = name { return number }
    return try store.node(named: name)
  }
}

extension Verb {
  static var needs: Need { .writing }
  var need: Need { Self.needs }
  static var mounts: Bool { false }
  static var failureStatus: Int32? { nil }
  var subject: NodeName? { nil }
  var isUnattended: Bool { false }
  var isFollowed: Bool { true }

  /// Runs the verb and prints its report, or the error.
  ///
  /// - Parameter typed: the command line, for the history and for commands that wait for a lock.
  /// - Returns: the exit status.
  func execute(as typed: String) -> Int32 {
    // A verb that only reads has nothing to finish.
    if isWork { BrokenPipe.makeWritesFail() }
    let output = Output(json: global.json, quiet: global.quiet, events: isWork ? global.events(of: typed) : nil)
    var messages: ProgramMessages?
    let (status, result) = execute(as: typed, output, &messages)
    messages?.finish()
    output.events?.finish(status, result)
    return status
  }

  private func execute(
    as typed: String, _ output: Output, _ messages: inout ProgramMessages?
  ) -> (status: Int32, result: Envelope) {
    do {
      let context = try context(typed, output)
      output.events?.start(on: subject.flatMap { try? context.node($0) })
      if isFollowed {
        output.events?.record(Self.configuration.commandName ?? "", isPublic: Store.isPublic(at: global.root))
      }
      messages = try output.programMessages()
      let before = isUnattended ? [:] : started(context)
      let report = try perform(in: context)
      ReachedLimits.sentences().forEach(output.warn)
      let status = print(report, output)
      tellOutdatedStarts(since: before, context)
      return (status, Envelope(report))
    } catch {
      ReachedLimits.sentences().forEach(output.warn)
      let failure = AstError(error)
      return (Self.status(for: failure), output.fail(failure, log: log(of: failure)))
    }
  }

  /// The nodes that run or start next, with their generations; none for a verb that changes none.
  private func started(_ context: Context) -> [NodeID: GenerationNumber] {
    guard need == .writing, context.output.isForPeople else { return [:] }
    return (try? context.opened?.startedNodes()) ?? [:]
  }

  /// Says which of these nodes the verb has changed, so that the machine runs or starts them as they were.
  private func tellOutdatedStarts(since before: [NodeID: GenerationNumber], _ context: Context) {
    guard !before.isEmpty, let store = context.opened, let present = try? store.startedNodes(),
      let outdated = try? store.outdatedStarts()
    else { return }
    for start in outdated where before[start.node].map({ $0 != present[start.node] }) ?? false {
      context.output.tellUser(start.sentence)
    }
  }

  /// The work is done even if its result cannot be printed.
  private func print(_ report: Report, _ output: Output) -> Int32 {
    do {
      try output.print(report)
      return report.status
    } catch {
      let failure = "\(error)"
      guard isWork else {
        FileDescriptor.standardError.tell("ast: \(failure)")
        return 1
      }
      output.warn(failure)
      return report.status
    }
  }

  /// Whether the verb does more than reading.
  private var isWork: Bool { [.writing, .freeing, .root].contains(need) }

  /// The log of a failed operation, if there is one.
  private func log(of failure: AstError) -> FilePath? {
    guard let log = failure.operation.map({ Store.log(of: $0, in: global.root) }) else { return nil }
    return access(log.string, F_OK) == 0 ? log : nil
  }

  /// The exit status of a verb that returns a program's status: a full disk still has its own status, and so has, as with
  /// chroot(1), a program that cannot be started.
  private static func status(for failure: AstError) -> Int32 {
    guard let failureStatus, failure.code != .noSpace else { return failure.exitStatus }
    return failure.programStatus ?? failureStatus
  }

  private func context(_ typed: String, _ output: Output) throws -> Context {
    if isWork, geteuid() != 0 {
      throw AstError(
        .needsRoot, "`ast \(Self.configuration.commandName ?? "")` needs root (use sudo)", state: .unchanged)
    }
    if need != .nothing, !global.inSandbox, access("/run/ast/sandbox", F_OK) == 0 {
      throw AstError(
        .refused, "this is inside a node: here, ast would work on the wrong system",
        hint: "leave with `exit 0` or `exit 1` first, or use `--chroot` if you mean it")
    }
    if isWork { try PrivateStore.enter(at: global.root, mounting: Self.mounts) }
    if need == .freeing { try Store.makeRoom(at: global.root) }
    let store: Store? =
      switch need {
      case .nothing, .root: nil
      case .reading:
        try Store(
          opening: global.root, .reading, wait: global.wait, command: typed, reader: .files, warn: output.warn)
      case .writing, .freeing:
        try Store(
          opening: global.root, .writing, wait: global.wait, command: typed, reader: .files, report: output.report,
          warn: output.warn)
      }
    return Context(output: output, command: typed, global: global, opened: store)
  }
}
