public import FoundationEssentials

/// An entry of the history, and while it runs the durable note of the work.
public struct Operation: Hashable, Codable, Sendable, Identifiable {
  /// Its number, which also names the staged clone and the log file.
  public var id: OperationID
  /// The kind of work, such as `install`.
  public var kind: String
  /// The node that it changes. It may have been deleted since.
  public var node: NodeID?
  /// Its state.
  public var state: OperationState
  /// The command line, for people.
  public var command: String
  /// The time it began, to the second.
  public var started: Date
  /// The time it ended, to the second; nil while it runs.
  public var ended: Date?
  /// The boot in which it began, `/proc/sys/kernel/random/boot_id`.
  public var bootID: String
  /// The process that works on it.
  public var pid: Int32
  /// The generation that it will seal or has sealed.
  public var generation: GenerationNumber?
  /// The generation that it started from.
  public var from: GenerationNumber?
  /// A message about its end. One that is done and has changed nothing says so here.
  public var message: String?
  /// The first operation of the same command; nil if it is that one.
  public var leader: OperationID?

  /// An operation with these facts.
  public init(
    id: OperationID, kind: String, node: NodeID?, state: OperationState, command: String, started: Date,
    ended: Date? = nil, bootID: String, pid: Int32, generation: GenerationNumber? = nil,
    from: GenerationNumber? = nil, message: String? = nil, leader: OperationID? = nil
  ) {
    self.id = id
    self.kind = kind
    self.node = node
    self.state = state
    self.command = command
    self.started = started
    self.ended = ended
    self.bootID = bootID
    self.pid = pid
    self.generation = generation
    self.from = from
    self.message = message
    self.leader = leader
  }
}

extension Operation {
  /// The kind of `restore`, whose generation to restore from stays until the next change.
  public static let restoration = "restore"

  /// The signal that stopped it, so that what it had begun was discarded; nil if it was not stopped so.
  public var stopSignal: Int32? {
    let words = "interrupted by signal "
    guard state != .done, let message, message.hasPrefix(words) else { return nil }
    return Int32(message.dropFirst(words.count).prefix { $0.isNumber })
  }

  /// What an operation that `abort` ended has as its message.
  public static let aborted = "aborted"

  /// Whether somebody ended it, by a stop signal or with `abort`.
  public var isCancelled: Bool { stopSignal != nil || (state != .done && message == Self.aborted) }

  /// Which generation of its node the operation has replaced by which; nil if it has not changed a node's content.
  public var change: (from: GenerationNumber, to: GenerationNumber)? {
    guard node != nil, state == .done, message == nil, let from, let generation, from != generation else { return nil }
    return (from, generation)
  }
}
