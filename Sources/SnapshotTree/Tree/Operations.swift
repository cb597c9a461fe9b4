public import FoundationEssentials
internal import SQLite

/// The operations: those that run, and the history.
extension TreeDatabase {
  private static let columns =
    "id, kind, node, state, command, started, ended, boot_id, pid, generation, from_generation, message, leader"

  /// The number of the next operation.
  public var nextOperation: OperationID {
    get throws(TreeError) { OperationID(try counter(.nextOperation)) }
  }

  /// Notes that an operation begins. Returns its number, which names the staged clone.
  ///
  /// `generation` is the one that it will seal, `from` the one that it starts from, `leader` the first operation of the
  /// same command.
  public func begin(
    _ kind: String, node: NodeID?, command: String, bootID: String, pid: Int32, from: GenerationNumber? = nil,
    generation: GenerationNumber? = nil, leader: OperationID? = nil, started: Date = Date()
  ) throws(TreeError) -> OperationID {
    try requireWrite()
    let id = OperationID(try take(.nextOperation))
    try run(
      """
      INSERT INTO operation (id, kind, node, state, command, started, boot_id, pid, generation, from_generation, leader)
      VALUES (?, ?, ?, 'running', ?, ?, ?, ?, ?, ?, ?)
      """, id, kind, node, command, started.seconds, bootID, pid, generation, from, leader)
    return id
  }

  /// Notes the end of a running operation. `generation` is the sealed one; nil keeps the value from `begin`.
  public func finish(
    _ id: OperationID, _ outcome: OperationOutcome, message: String? = nil, generation: GenerationNumber? = nil,
    ended: Date = Date()
  ) throws(TreeError) {
    try requireWrite()
    let changed = try run(
      """
      UPDATE operation SET state = ?, message = ?, generation = ifnull(?, generation), ended = ?
      WHERE id = ? AND state = 'running'
      """, outcome.rawValue, message, generation, ended.seconds, id)
    guard changed == 1 else {
      throw try operation(id) == nil ? .unknownOperation(id) : .operationNotRunning(id)
    }
  }

  /// The operation, or nil.
  public func operation(_ id: OperationID) throws(TreeError) -> Operation? {
    try first("SELECT \(TreeDatabase.columns) FROM operation WHERE id = ?", id, as: operation)
  }

  /// The operations that have not ended, oldest first.
  public func running() throws(TreeError) -> [Operation] {
    try rows("SELECT \(TreeDatabase.columns) FROM operation WHERE state = 'running' ORDER BY id", as: operation)
  }

  /// The last operations on a node, or on all nodes for nil, newest first; all of them if `limit` is nil.
  public func history(of node: NodeID? = nil, limit: Int? = nil) throws(TreeError) -> [Operation] {
    let limit = max(0, limit ?? .max)
    guard let node else {
      return try rows("SELECT \(TreeDatabase.columns) FROM operation ORDER BY id DESC LIMIT ?", limit, as: operation)
    }
    return try rows(
      "SELECT \(TreeDatabase.columns) FROM operation WHERE node = ? ORDER BY id DESC LIMIT ?", node, limit,
      as: operation)
  }

  /// The operations of the command that this one belongs to, oldest first; empty if there is no such operation.
  public func operations(ofCommandWith id: OperationID) throws(TreeError) -> [Operation] {
    guard let operation = try operation(id) else { return [] }
    return try rows(
      "SELECT \(TreeDatabase.columns) FROM operation WHERE id = ?1 OR leader = ?1 ORDER BY id",
      operation.leader ?? operation.id, as: self.operation)
  }

  /// The last commands that did something to a node or made it, or of all for nil, newest first: the operations of each,
  /// oldest first. All of them if `limit` is nil.
  public func commands(of node: NodeID? = nil, limit: Int? = nil) throws(TreeError) -> [[Operation]] {
    let limit = max(0, limit ?? .max)
    func identifier(_ row: Statement) -> OperationID { row.identifier(0) }
    let leaders: [OperationID] =
      if let node {
        try rows(
          """
          SELECT DISTINCT ifnull(leader, id) AS first FROM operation
          WHERE node = ?1 OR id IN (SELECT operation FROM generation WHERE node = ?1)
          ORDER BY first DESC LIMIT ?2
          """, node, limit, as: identifier)
      } else {
        try rows("SELECT id FROM operation WHERE leader IS NULL ORDER BY id DESC LIMIT ?", limit, as: identifier)
      }
    let list = IdentifierList(leaders)
    let operations = try rows(
      """
      SELECT \(TreeDatabase.columns) FROM operation WHERE id IN (SELECT value FROM json_each(?1))
      UNION ALL SELECT \(TreeDatabase.columns) FROM operation WHERE leader IN (SELECT value FROM json_each(?1))
      ORDER BY id
      """, list, as: operation)
    let commands = Dictionary(grouping: operations) { $0.leader ?? $0.id }
    return leaders.compactMap { commands[$0] }
  }

  private func operation(_ row: Statement) throws(TreeError) -> Operation {
    Operation(
      id: row.identifier(0), kind: row.text(1), node: row.optionalIdentifier(2), state: try choice(row, 3),
      command: row.text(4), started: row.date(5), ended: row.isNull(6) ? nil : row.date(6), bootID: row.text(7),
      pid: Int32(truncatingIfNeeded: row.integer(8)), generation: row.optionalIdentifier(9),
      from: row.optionalIdentifier(10), message: row.optionalText(11), leader: row.optionalIdentifier(12))
  }
}
