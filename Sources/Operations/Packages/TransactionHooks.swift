import Btrfs
import FoundationEssentials
import Host
import Settings
import SnapshotTree
import Store
import SystemPackage

/// The administrator's own programs that take part in changes of packages: the executables in `/etc/ast/hooks.d`, run in
/// the order of their names, on the host, as root. If one fails, the change is discarded.
struct TransactionHooks {
  /// When the hooks run.
  enum Stage: String {
    /// The clone is made, and unchanged.
    case pre
    /// The work is done and verified, and not yet committed.
    case post
  }

  private let programs: [FilePath]

  /// The hooks of this machine that take part in changes of a node.
  ///
  /// - Throws: `AstError` or `ConfigurationError` if there are hooks, and the settings that choose them are wrong.
  init(for id: NodeID, in store: Store) throws {
    let present = Self.present
    let skipped = try present.isEmpty ? [] : store.settings(of: id).skippedHooks
    programs = present.filter { program in !skipped.contains { $0 == program.lastComponent?.string } }
  }

  /// The hooks of this machine; `AST_HOOKS` names another directory.
  private static var present: [FilePath] {
    let directory = FilePath(ProcessInfo.processInfo.environment["AST_HOOKS"] ?? "/etc/ast/hooks.d")
    return ExecutableDirectory(directory).programs
  }

  /// Runs the hooks with the stage and the kind of the operation as arguments; the clone's path, the node and the
  /// operation are in the environment. Their output goes to the log.
  func run(_ stage: Stage, of kind: String, _ transaction: Transaction, log: TransactionLog) throws {
    for program in programs {
      try Interruption.check()
      do {
        try ChildProcess(
          "env",
          [
            "AST_ROOT=\(transaction.clone.path)", "AST_NODE=\(transaction.node.id)",
            "AST_OPERATION=\(transaction.operation)", program.string, stage.rawValue, kind,
          ]
        ).run(showing: log.file)
      } catch let error as AstError where error.code == .failed {
        // A terminal sends Control-C to the hook as well.
        try Interruption.check()
        throw AstError(
          error.code,
          "the hook \(program) refused the change of node \(transaction.node.id) (\(stage))", state: .discarded,
          hint: "its output is in \(log.path)")
      }
    }
  }
}
