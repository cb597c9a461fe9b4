import ArgumentParser
import Host
import SnapshotTree
import Store

/// A command as users name it: its transaction, `t17`, or before it has one its process, `p4711`.
struct OperationName: ExpressibleByArgument {
  private let text: String

  /// Reads the letter and a number.
  init?(argument: String) {
    guard let letter = argument.first, "tp".contains(letter), Int(argument.dropFirst()).map({ $0 > 0 }) ?? false else {
      return nil
    }
    text = argument
  }

  /// The completions that a shell offers.
  static var defaultCompletionKind: CompletionKind { Completion.operations }

  /// What a name leads to.
  enum Found {
    case atWork(OperationAtWork)
    /// The operations of a command that has ended.
    case ended([SnapshotTree.Operation])
  }

  /// The command with this name. Each of its operations leads to it.
  func find(in store: Store) throws -> Found {
    let atWork = OperationAtWork.all(on: store.root)
    if let named = atWork.first(where: { $0.start.operation == text }) { return .atWork(named) }
    guard let transaction = TransactionName(argument: text)?.id else {
      throw AstError(.notFound, "there is no command \(text) at work", hint: "`ast status` lists those at work")
    }
    let operations = try store.tree.operations(ofCommandWith: transaction)
    guard let first = operations.first else {
      throw AstError(.notFound, "there is no transaction \(text)", hint: "`ast history` lists them")
    }
    if let named = atWork.first(where: { $0.transaction == first.id }) { return .atWork(named) }
    guard try !operations.contains(where: { try $0.state == .running && store.isAtWork($0) }) else {
      throw AstError(
        .failed, "\(text) is at work, and has no record in \(OperationRecord.directory): it cannot be followed",
        hint: "`kill -INT \(first.pid)` stops it")
    }
    return .ended(operations)
  }
}
