internal import SQLite
public import SystemPackage

/// The database of the snapshot tree: the only truth about the nodes.
///
///     let tree = try TreeDatabase(opening: "/.snapshots/ast/tree.sqlite", .writing)
///     try tree.write { tree in
///       try tree.setDescription("web server", of: node)
///     }
///
/// Changes that belong together are made in one `write`: all of them happen, or none. Outside of `write`, calls that
/// change something throw. The object belongs to one thread at a time. Times are stored to the second, texts byte for
/// byte.
public final class TreeDatabase {
  /// The path of the file, as it was given.
  public let path: FilePath
  /// The purpose for which it was opened.
  public let access: Access
  let connection: Connection
  private var isWriting = false
  /// Where the log ended before the last `write`.
  private(set) var logBeforeWrite: [UInt8]?
  /// Numbers that were taken and not used yet: all others below the counters were used before.
  var allocatedNodes: Set<NodeID> = []
  var allocatedDeployments: Set<DeploymentID> = []

  init(_ connection: Connection, path: FilePath, _ access: Access) {
    self.connection = connection
    self.path = path
    self.access = access
    if access == .writing { connection.noteWrittenTables() }
  }

  /// Opens the database at `path`.
  ///
  /// For writing, an older schema is brought up to date; for reading, this happens in a copy in memory. A database of a
  /// newer version is opened if it permits `access` to this version, or else `.newer` is thrown. When this throws,
  /// nothing was made or changed.
  public convenience init(opening path: FilePath, _ access: Access) throws(TreeError) {
    try self.init(opening: path, access, schema: .current)
  }

  convenience init(opening path: FilePath, _ access: Access, schema: Schema) throws(TreeError) {
    let file = DatabaseFile(path: path, schema: schema)
    switch access {
    case .reading: self.init(try file.openForReading(), path: path, access)
    case .writing: self.init(try file.openForWriting(), path: path, access)
    }
  }

  /// Runs `body` as one transaction: durable when it returns, undone when `body` throws.
  ///
  /// Waits at most 60 seconds for another writer. Throws the error of `body`, or a `TreeError`; only after
  /// `.outcomeUnknown` may the change exist.
  public func write<T>(_ body: (TreeDatabase) throws -> T) throws -> T {
    guard access == .writing else { throw TreeError.readOnly(path) }
    guard !connection.isInTransaction else { throw TreeError.misuse("write inside read or write") }
    try attempt { () throws(SQLiteError) in try connection.begin(.immediate) }
    let (nodes, deployments) = (allocatedNodes, allocatedDeployments)
    do {
      isWriting = true
      logBeforeWrite = connection.endOfLog
      defer { isWriting = false }
      let result = try body(self)
      try commit()
      return result
    } catch {
      connection.rollBack()
      (allocatedNodes, allocatedDeployments) = (nodes, deployments)
      throw error
    }
  }

  /// Runs `body` on one state of the database, whatever is written meanwhile. Inside `write` or another `read`, it sees
  /// their state.
  public func read<T>(_ body: (TreeDatabase) throws -> T) throws -> T {
    guard !connection.isInTransaction else { return try body(self) }
    try attempt { () throws(SQLiteError) in try connection.begin(.deferred) }
    defer { connection.rollBack() }
    return try body(self)
  }

  /// A number that changes when another connection has committed something, and not by the commits of this one: only
  /// equality means anything (`data_version` in https://sqlite.org/pragma.html).
  public var dataVersion: Int {
    get throws(TreeError) {
      try first("PRAGMA data_version") { (row) throws(TreeError) in Int(row.integer(0)) } ?? 0
    }
  }

  private func commit() throws(TreeError) {
    try attempt { () throws(SQLiteError) in try connection.prepareCommit() }
    do {
      try connection.commit()
    } catch {
      connection.rollBack()
      // A constraint refuses it before anything is written, and if the log has no space its last frame is missing.
      // After any other error the log may contain the whole transaction although, for example, its fsync failed;
      // whoever opens the database next would take it for committed. The next transaction that changes a page
      // overwrites it.
      guard error.kind != .constraint, error.code != SQLiteError.full else { throw translate(error) }
      do {
        try connection.transaction {
          try connection.run(
            """
            INSERT INTO setting (key, value) VALUES ('failed-commits', 1) ON CONFLICT DO UPDATE SET value = value + 1
            """)
        }
      } catch let second {
        throw .outcomeUnknown(path, detail: "\(translate(error)); then \(second)")
      }
      throw translate(error)
    }
  }

  /// Ensures that a change is part of a transaction of the caller.
  func requireWrite(_ operation: String = #function) throws(TreeError) {
    guard isWriting else { throw .misuse("\(operation) outside write") }
  }

  /// The errors inside the database: damage that SQLite finds, references to rows that do not exist, and nodes that are
  /// below themselves. Empty if all is well.
  public func integrityProblems() throws(TreeError) -> [String] {
    do {
      let findings = try rows("PRAGMA integrity_check") { (row) throws(TreeError) in row.text(0) }
      guard findings == ["ok"] else { return findings }
      return try rows("PRAGMA foreign_key_check") { (row) throws(TreeError) in
        "a row of \(row.text(0)) refers to a row of \(row.text(2)) that does not exist"
      } + nodesBelowThemselves()
    } catch .corrupt(_, let detail) {
      return [detail]
    }
  }

  private func nodesBelowThemselves() throws(TreeError) -> [String] {
    try rows(
      """
      WITH RECURSIVE reached (id) AS (
        SELECT id FROM node WHERE parent IS NULL OR parent NOT IN (SELECT id FROM node)
        UNION ALL SELECT node.id FROM reached JOIN node ON parent = reached.id
      )
      SELECT id FROM node WHERE id NOT IN reached ORDER BY id
      """
    ) { (row) throws(TreeError) in "node \(row.integer(0)) is below itself, or below one that is" }
  }
}
