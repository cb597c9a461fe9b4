import Glibc
import Host
import SnapshotTree
import Store

/// How a command ended: what it left in its record and in the history.
struct EndedCommand {
  /// What came of it.
  enum Outcome: String, Encodable {
    case done, failed
    /// A stop signal or `abort` ended it, and what it had not committed is discarded.
    case cancelled
    /// It was killed, and the next change discards what it had begun.
    case killed
  }

  let name: String
  let outcome: Outcome
  /// The exit status of the command; if that is not known, 0 if it is done, that of the signal if one stopped it, else
  /// 1.
  let status: Int32
  let operations: [SnapshotTree.Operation]

  /// A command that has ended, with its operations in the history.
  init(_ operations: [SnapshotTree.Operation]) {
    self.init(name: operations.first.map { "t\($0.id)" } ?? "", status: nil, operations)
  }

  /// The end of a command that was followed. The store is opened anew: users read a copy of the tree, which was
  /// replaced meanwhile.
  init(_ last: OperationAtWork, in store: Store) throws {
    let store = try Store(opening: store.root, .reading, reader: .files)
    self.init(
      name: last.name, status: last.status, try last.transaction.map(store.tree.operations(ofCommandWith:)) ?? [])
  }

  private init(name: String, status: Int32?, _ operations: [SnapshotTree.Operation]) {
    self.name = name
    self.operations = operations
    let states = Set(operations.map(\.state))
    outcome = Self.outcome(status, states, isStop: Self.isStop(status, operations))
    let stop = operations.lazy.compactMap(\.stopSignal).first.map { 128 + $0 }
    self.status = status ?? (outcome == .done ? 0 : stop ?? 1)
  }

  private static func outcome(_ status: Int32?, _ states: Set<OperationState>, isStop: Bool) -> Outcome {
    if status == 0 || (status == nil && states == [.done]) { return .done }
    if isStop { return .cancelled }
    return status == nil && !states.isDisjoint(with: [.running, .interrupted]) ? .killed : .failed
  }

  /// Whether a stop signal or `abort` ended it. Before the first operation there is nothing to be cleaned up: the signal
  /// ends the process, which cannot say so.
  private static func isStop(_ status: Int32?, _ operations: [SnapshotTree.Operation]) -> Bool {
    if operations.contains(where: \.isCancelled) { return true }
    guard let status else { return operations.isEmpty }
    return [SIGHUP, SIGINT, SIGTERM].contains { status == 128 + $0 }
  }

  /// One sentence for people.
  var sentence: String {
    switch outcome {
    case .done: "\(name) is done."
    case .cancelled: "\(name) was cancelled\(done.map { "; \($0)" } ?? ": nothing was changed")."
    case .killed: "\(name) was killed: the next change discards what it had begun."
    case .failed: "\(name) failed\(message.map { ": \($0)" } ?? "")\(done.map { "; \($0)" } ?? "")."
    }
  }

  /// Why it failed, from the history; users do not see all reasons.
  var message: String? {
    operations.lazy.filter { $0.state != .done }.compactMap(\.message).first.map { Printable.line($0) }
  }

  /// The nodes that were finished, of a command that was not; nil if there are none.
  private var done: String? {
    let nodes = operations.filter { $0.state == .done }.compactMap(\.node)
    return nodes.isEmpty ? nil : "\(NodeList(nodes).words) \(nodes.count == 1 ? "was" : "were") done before"
  }

  /// The same as an error, for the last event; nil if it is done.
  var error: AstError? {
    switch outcome {
    case .done: nil
    case .cancelled: AstError.interrupted(by: status > 128 ? status - 128 : SIGINT, state: nil)
    case .killed: AstError(.failed, "the command was killed")
    case .failed:
      AstError(AstError.Code.allCases.first { $0.exitStatus == status } ?? .failed, message ?? "the command failed")
    }
  }
}
