public import FoundationEssentials

/// An entry of the history, and while it runs the durable note of what is being done.
public struct Operation: Hashable, Codable, Sendable, Identifiable {
  /// Its number. Names the staged clone and the log file.
  public var id: OperationID
  /// The kind of work, such as `install`.
  public var kind: String
  /// The node that it changes. It may have been deleted since.
  public var node: NodeID?
  /// How far it is.
  public var state: OperationState
  /// The command line, for people.
  public var command: String
  /// When it was begun. Kept to the second.
  public var started: Date
  /// When it ended; nil while it runs. Kept to the second.
  public var ended: Date?
  /// The boot in which it was begun, `/proc/sys/kernel/random/boot_id`.
  public var bootID: String
  /// The process that works on it.
  public var pid: Int32
  /// The generation that it is to seal or has sealed.
  public var generation: GenerationNumber?
  /// The generation that it started from.
  public var from: GenerationNumber?
  /// What there is to say about its end.
  public var message: String?

  /// An operation with these facts.
  public init(
    id: OperationID, kind: String, node: NodeID?, state: OperationState, command: String, started: Date,
    ended: Date? = nil, bootID: String, pid: Int32, generation: GenerationNumber? = nil,
    from: GenerationNumber? = nil, message: String? = nil
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
  }
}
