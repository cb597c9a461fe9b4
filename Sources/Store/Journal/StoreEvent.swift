import SnapshotTree

/// What the work of a command on the store comes to, for those who follow it.
public enum StoreEvent: Sendable {
  /// A step of a transaction.
  public enum Step: String, Codable, Sendable {
    /// The clone is worked in.
    case working
    /// The result is examined.
    case verifying
    /// The result is made durable.
    case committing
  }

  /// The first operation of the command is in the history.
  case began(OperationID)
  /// The transaction of a node has come to a step.
  case reached(Step, NodeID)
  /// Programs of a node's transaction have written this.
  case said([UInt8], NodeID)
}
