import FoundationEssentials
import SnapshotTree

/// A history as `--json` shows it.
struct HistoryReport: Encodable {
  let operations: [OperationReport]
  let generations: [GenerationReport]
}

/// A transaction as `info --json` shows it: all operations of the same command, oldest first.
struct CommandReport: Encodable {
  let operations: [OperationReport]

  init(_ operations: [Operation]) { self.operations = operations.map(OperationReport.init) }
}

/// An operation as `--json` shows it.
struct OperationReport: Encodable {
  let id: OperationID
  let kind: String
  @Nullable var node: NodeID?
  let state: String
  let command: String
  let started: Date
  @Nullable var ended: Date?
  let bootID: String
  let pid: Int32
  @Nullable var generation: GenerationNumber?
  @Nullable var from: GenerationNumber?
  @Nullable var leader: OperationID?
  @Nullable var message: String?

  init(_ operation: Operation) {
    id = operation.id
    kind = operation.kind
    node = operation.node
    state = operation.state.rawValue
    command = operation.command
    started = operation.started
    ended = operation.ended
    bootID = operation.bootID
    pid = operation.pid
    generation = operation.generation
    from = operation.from
    leader = operation.leader
    message = operation.message
  }
}

/// A generation as `--json` shows it.
struct GenerationReport: Encodable {
  let node: NodeID
  let number: GenerationNumber
  let uuid: String
  let path: String
  let created: Date
  @Nullable var operation: OperationID?
  @Nullable var size: Int64?

  init(_ generation: Generation) {
    node = generation.node
    number = generation.number
    uuid = "\(generation.subvolume)"
    path = generation.path.string
    created = generation.created
    operation = generation.operation
    size = generation.size
  }
}
