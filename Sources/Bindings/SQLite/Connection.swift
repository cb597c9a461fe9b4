internal import CSQLite
public import SystemPackage

/// A connection to one SQLite database.
///
///     let database = try Connection(to: "/tmp/numbers.sqlite", .creating)
///     try database.execute("CREATE TABLE number (value INTEGER NOT NULL) STRICT")
///     try database.run("INSERT INTO number VALUES (?)", 42)
///
/// Belongs to one thread at a time, and must not be carried over a `fork` (https://sqlite.org/howtocorrupt.html, 2.6).
public final class Connection {
  /// What a connection may do.
  public enum Access: Sendable, Equatable {
    /// Read. If that is permitted, SQLite notes in the index of the log (the `-shm` file) what is being read.
    case reading
    /// Read without writing to any file, such as on a full disk. While such a connection is open, no other connection
    /// of the process can write to the database: they share their view of the index.
    case readingWithoutTrace
    /// Read a file that no process ever changes, only replaces: without any lock, and without looking for a log.
    case readingImmutable
    /// Read and write a file that exists.
    case writing
    /// Read and write a file, which is made if it is missing.
    case creating
  }

  let handle: OpaquePointer
  private let hooks: ConnectionHooks
  private var usesWriteAheadLog = false
  private var cache: [String: Statement] = [:]

  /// Opens the file at `path`. SQLite reads nothing of it before the first statement.
  ///
  /// `busyTimeout` is how long a statement waits for another connection's lock.
  public convenience init(
    to path: FilePath, _ access: Access, busyTimeout: Duration = .seconds(60)
  ) throws(SQLiteError) {
    let flags =
      switch access {
      case .reading, .readingWithoutTrace, .readingImmutable: SQLITE_OPEN_READONLY
      case .writing: SQLITE_OPEN_READWRITE
      case .creating: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
      }
    try self.init(name: Connection.uri(path, access), flags: flags, busyTimeout: busyTimeout)
    if access != .readingWithoutTrace, access != .readingImmutable {
      hooks.memoryGuard = file.flatMap { SharedMemoryGuard($0) }
    }
  }

  /// Opens a new database in memory.
  public convenience init() throws(SQLiteError) {
    try self.init(name: ":memory:", flags: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, busyTimeout: .zero)
  }

  private init(name: String, flags: Int32, busyTimeout: Duration) throws(SQLiteError) {
    var opened: OpaquePointer?
    let result = sqlite3_open_v2(
      name, &opened, flags | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nil)
    guard result == SQLITE_OK, let opened else {
      let error = SQLiteError(
        extendedCode: opened.map { sqlite3_extended_errcode($0) } ?? result,
        message: String(cString: sqlite3_errstr(result)), operation: "open \(name)",
        systemError: opened.map { Errno(rawValue: sqlite3_system_errno($0)) })
      sqlite3_close_v2(opened)
      throw error
    }
    handle = opened
    hooks = ConnectionHooks(busyHandler: BusyHandler(timeout: busyTimeout))
    hooks.busyHandler.install(on: handle)
    // The schema of a manipulated file must not run functions or write to shadow tables.
    csqlite_set_option(handle, SQLITE_DBCONFIG_DEFENSIVE, 1)
    csqlite_set_option(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
    // Closing must not move the log into the file and delete it: readers without write permission need it.
    csqlite_set_option(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
  }

  deinit {
    cache.removeAll()
    sqlite3_close_v2(handle)
  }

  /// Runs statements without parameters, and ignores their rows.
  public func execute(_ sql: String) throws(SQLiteError) {
    guard sqlite3_exec(handle, sql, nil, nil, nil) == SQLITE_OK else { throw error(sql) }
  }

  /// Prepares the first statement of `sql`.
  public func prepare(_ sql: String) throws(SQLiteError) -> Statement {
    try prepare(sql, flags: 0)
  }

  private func prepare(_ sql: String, flags: Int32) throws(SQLiteError) -> Statement {
    var statement: OpaquePointer?
    guard sqlite3_prepare_v3(handle, sql, -1, UInt32(flags), &statement, nil) == SQLITE_OK else { throw error(sql) }
    guard let statement else {
      throw SQLiteError(extendedCode: SQLITE_MISUSE, message: "there is no statement", operation: sql)
    }
    return Statement(statement, sql: sql, hooks: hooks)
  }

  /// Takes a statement out of the cache, or prepares it, and binds `values`. Give it back with `finish(_:)`.
  public func start(_ sql: String, _ values: [any ValueConvertible]) throws(SQLiteError) -> Statement {
    let statement =
      if let cached = cache.removeValue(forKey: sql) { cached } else {
        try prepare(sql, flags: SQLITE_PREPARE_PERSISTENT)
      }
    do {
      try statement.bind(values)
    } catch {
      finish(statement)
      throw error
    }
    return statement
  }

  /// Resets a statement that came from `start(_:_:)` and keeps it for the next time.
  public func finish(_ statement: Statement) {
    statement.reset()
    cache[statement.sql] = statement
  }

  /// Runs one statement to its end. Returns the number of rows that it changed.
  @discardableResult
  public func run(_ sql: String, _ values: any ValueConvertible...) throws(SQLiteError) -> Int {
    let statement = try start(sql, values)
    defer { finish(statement) }
    while try statement.step() {}
    return changes
  }

  /// Lets statements use another database, which exists, under `name`, a plain word of the program's own. Not inside a
  /// transaction.
  public func attach(_ path: FilePath, as name: String) throws(SQLiteError) {
    try run("ATTACH ? AS \(name)", Connection.uri(path, .writing))
  }

  /// Closes a database that was attached.
  public func detach(_ name: String) throws(SQLiteError) {
    // Statements that are kept for the next time use it.
    cache.removeAll()
    try execute("DETACH \(name)")
  }

  /// The first column of the first row, or nil if there is no row.
  public func value(_ sql: String, _ values: any ValueConvertible...) throws(SQLiteError) -> Value? {
    let statement = try start(sql, values)
    defer { finish(statement) }
    return try statement.step() ? statement.value(0) : nil
  }

  /// All rows.
  public func rows(_ sql: String, _ values: any ValueConvertible...) throws(SQLiteError) -> [[Value]] {
    let statement = try start(sql, values)
    defer { finish(statement) }
    var rows: [[Value]] = []
    while try statement.step() {
      rows.append((0..<statement.columnCount).map { statement.value($0) })
    }
    return rows
  }

  /// The number of rows that the last INSERT, UPDATE or DELETE changed itself.
  public var changes: Int { Int(sqlite3_changes64(handle)) }

  /// The row id of the last INSERT.
  public var lastInsertedRow: Int64 { sqlite3_last_insert_rowid(handle) }

  /// Whether the file can only be read: SQLite opens it read-only if writing is not permitted.
  public var isReadOnly: Bool { sqlite3_db_readonly(handle, "main") == 1 }

  var file: UnsafeMutablePointer<sqlite3_file>? {
    var file: UnsafeMutablePointer<sqlite3_file>?
    guard sqlite3_file_control(handle, "main", SQLITE_FCNTL_FILE_POINTER, &file) == SQLITE_OK else { return nil }
    return file
  }

  func error(_ operation: String) -> SQLiteError {
    SQLiteError(of: handle, operation)
  }

  /// Uses a write-ahead log: readers and the writer do not wait for each other, and a commit is one `fsync`.
  ///
  /// The log and its index stay when the last connection closes, so that users without write permission can read. The
  /// log is moved into the file, and restarted, when it has `checkpoint` pages (of 4 KiB, unless the file was made
  /// otherwise).
  public func useWriteAheadLog(checkpointAt pages: Int32 = 100) throws(SQLiteError) {
    let mode = try value("PRAGMA journal_mode = WAL")
    guard mode == .text("wal") else {
      throw SQLiteError(
        extendedCode: SQLITE_CANTOPEN, message: "no write-ahead log is possible here", operation: "journal_mode")
    }
    var persists: Int32 = 1
    guard sqlite3_file_control(handle, "main", SQLITE_FCNTL_PERSIST_WAL, &persists) == SQLITE_OK else {
      throw error("SQLITE_FCNTL_PERSIST_WAL")
    }
    hooks.checkpoint.install(on: handle, at: pages)
    usesWriteAheadLog = true
  }

  /// Where the write-ahead log ends: differs after each commit to the main database, whoever made it. Read it inside a
  /// transaction. Nil without `useWriteAheadLog`.
  public var endOfLog: [UInt8]? { usesWriteAheadLog ? hooks.memoryGuard?.endOfLog : nil }

  /// Notes from now on which tables of the main database are changed.
  public func noteWrittenTables() {
    let tables = WrittenTables()
    tables.install(on: handle)
    hooks.writtenTables = tables
  }

  /// The tables of the main database that this connection may have changed since `noteWrittenTables()`.
  public var writtenTables: Set<String> { hooks.writtenTables?.names ?? [] }

  /// Moves the whole log into the file and deletes log and index, which leaves one complete file.
  public func leaveWriteAheadLog() throws(SQLiteError) {
    usesWriteAheadLog = false
    try execute("PRAGMA wal_checkpoint(TRUNCATE)")
  }

  /// Makes sure that a commit will not meet a full disk where SQLite cannot report one. `commit()` does it too; after
  /// this call, a failure of `commit()` has another cause.
  public func prepareCommit() throws(SQLiteError) {
    guard usesWriteAheadLog, let memoryGuard = hooks.memoryGuard, !memoryGuard.populate() else { return }
    throw SQLiteError(
      extendedCode: SQLITE_FULL, message: "no room to update the index of the log", operation: "COMMIT",
      systemError: .noSpace)
  }
}
