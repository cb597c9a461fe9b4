import ArgumentParser
import FoundationEssentials
import Glibc
import Host
import Nodes
import Sandbox
import SnapshotTree
import Store
import SystemPackage

/// What a verb answers.
struct Report {
  /// What a person reads, on standard output; without the last newline.
  var text: String
  /// What a program reads, with `--json`.
  var data: any Encodable
  /// The operation that did it.
  var transaction: OperationID?
  /// The exit status.
  var status: Int32 = 0
}

/// A verb of the command line: options in, one call of AstKit, a report out.
protocol Verb: ParsableCommand {
  /// The options every verb has.
  var global: GlobalOptions { get }
  /// What the verb needs of the store.
  static var needs: Need { get }
  /// Whether it mounts something, which nobody else is to see.
  static var mounts: Bool { get }
  /// The exit status for an error of ast itself; nil for the error's own.
  static var failureStatus: Int32? { get }

  /// Does it.
  func perform(in context: Context) throws -> Report
}

/// What a verb needs before it can begin.
enum Need {
  /// Nothing: it does not look at the store.
  case nothing
  /// The tree, to read: every user may.
  case reading
  /// To be root, and the tree, to change.
  case writing
  /// To be root, and the tree, to free space: also on a full disk.
  case freeing
  /// To be root; it opens the store itself.
  case root
}

/// What a verb works with.
struct Context {
  let output: Output
  let command: String
  let global: GlobalOptions
  /// The store, opened as the verb needs it.
  let opened: Store?

  /// The store, for verbs that said they need it.
  var store: Store {
    get throws {
      guard let opened else { throw AstError(.failed, "this verb did not open the store") }
      return opened
    }
  }

  /// The node that is meant.
  func node(_ name: NodeName) throws -> NodeID { try store.node(named: name) }
}

extension Verb {
  static var needs: Need { .writing }
  static var mounts: Bool { false }
  static var failureStatus: Int32? { nil }

  /// Runs the verb as it was typed and prints what comes of it.
  ///
  /// - Returns: the exit status.
  func execute(as typed: String) -> Int32 {
    let output = Output(json: global.json, quiet: global.quiet)
    do {
      let report = try perform(in: try context(typed, output))
      try output.print(report)
      return report.status
    } catch let error as Output.Failure {
      FileDescriptor.standardError.tell("ast: \(error)")
      return 1
    } catch {
      let failure = AstError(error)
      output.fail(failure)
      return Self.status(for: failure, causedBy: error)
    }
  }

  /// The disk being full is told apart also where the status is a program's own, and so is, as with chroot(1), a program
  /// that could not be started.
  private static func status(for failure: AstError, causedBy error: any Error) -> Int32 {
    guard let failureStatus, failure.code != .noSpace else { return failure.exitStatus }
    return (error as? SandboxError)?.status ?? failureStatus
  }

  private func context(_ typed: String, _ output: Output) throws -> Context {
    let needsRoot = [.writing, .freeing, .root].contains(Self.needs)
    if needsRoot, geteuid() != 0 {
      throw AstError(
        .needsRoot, "`ast \(Self.configuration.commandName ?? "")` needs root (use sudo)", state: .unchanged)
    }
    if Self.needs != .nothing, !global.inSandbox, access("/run/ast/sandbox", F_OK) == 0 {
      throw AstError(
        .refused, "this is the inside of a node: ast here would work on the wrong system",
        hint: "leave with `exit 0` or `exit 1` first, or say `--chroot` if you mean it")
    }
    if needsRoot { try PrivateStore.enter(at: global.root, mounting: Self.mounts) }
    if Self.needs == .freeing { try Store.makeRoom(at: global.root) }
    let store: Store? =
      switch Self.needs {
      case .nothing, .root: nil
      case .reading: try Store(opening: global.root, .reading, wait: global.wait, command: typed)
      case .writing, .freeing:
        try Store(
          opening: global.root, .writing, wait: global.wait, command: typed, reader: .files, warn: output.warn)
      }
    return Context(output: output, command: typed, global: global, opened: store)
  }
}
