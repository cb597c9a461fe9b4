import SnapshotTree
import Synchronization

/// The first operation of a command, which leads the others in the history. The threads of a command share it.
final class CommandLeader: Sendable {
  private let first = Mutex<OperationID?>(nil)

  /// The operation; nil before the command has entered one.
  var operation: OperationID? { first.withLock { $0 } }

  /// Notes an operation whose entry is durable, unless there was one before it.
  ///
  /// - Returns: whether it is the first.
  func note(_ operation: OperationID) -> Bool {
    first.withLock { first in
      guard first == nil else { return false }
      first = operation
      return true
    }
  }
}
