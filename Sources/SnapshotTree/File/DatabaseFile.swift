internal import SQLite
internal import SystemPackage

internal import Glibc

/// The database as a file: finds out whether it is a snapshot tree and may be used, before touching it.
struct DatabaseFile {
  let path: FilePath
  let schema: Schema

  /// A connection that reads the file, or a copy of it in memory: if its schema is older than this program's, or if the
  /// log or the index is missing, damaged or of another time, so that SQLite would have to repair it.
  func openForReading() throws(TreeError) -> Connection {
    try refuseUnusable()
    var connection: Connection
    if let direct = try readDirectly() {
      connection = direct
    } else {
      connection = try attempt { () throws(SQLiteError) in try PrivateCopy(of: path).load() }
      try refuseNewer(connection, .reading)
    }
    return try readable(connection)
  }

  /// A connection that reads a file that is never changed, only replaced, or a copy of it in memory if its schema is older
  /// than this program's.
  func openImmutable() throws(TreeError) -> Connection {
    try refuseUnusable()
    let connection = try attempt { () throws(SQLiteError) in try Connection(to: path, .readingImmutable) }
    try refuseNewer(connection, .reading)
    return try readable(connection)
  }

  /// The connection, configured; with an older schema, one to a migrated copy in memory.
  private func readable(_ connection: Connection) throws(TreeError) -> Connection {
    var connection = connection
    if try attempt({ () throws(SQLiteError) in try connection.schemaVersion() }) < schema.version {
      let original = connection
      connection = try attempt { () throws(SQLiteError) in
        let copy = try Connection()
        try copy.copy(from: original)
        return copy
      }
      try migrate(connection)
    }
    try configure(connection)
    return connection
  }

  /// A connection that writes the file, after all migrations.
  func openForWriting() throws(TreeError) -> Connection {
    let header = try refuseUnusable()
    try inspectUntouched(header)
    let connection = try attempt { () throws(SQLiteError) in try Connection(to: path, .writing) }
    guard !connection.isReadOnly else { throw unwritable() }
    try refuseNewer(connection, .writing)
    try configure(connection)
    try attempt { () throws(SQLiteError) in try connection.useWriteAheadLog() }
    if try attempt({ () throws(SQLiteError) in try connection.schemaVersion() }) < schema.version {
      try migrate(connection)
    }
    return connection
  }

  private var log: FilePath { path.adding("-wal") }
  private var index: FilePath { path.adding("-shm") }

  /// Whether log and index are there and fit together, so that SQLite need not repair them.
  private var isReadable: Bool {
    exists(log) && exists(index) && LogHeader.isValid(in: log) && LogIndex.describes(log, in: index)
  }

  /// Reads the header through SQLite, which neither locks nor changes anything for that.
  @discardableResult
  private func refuseUnusable() throws(TreeError) -> FileHeader {
    let bytes = try attempt { () throws(SQLiteError) in
      try Connection(to: path, .readingWithoutTrace).fileBytes(count: FileHeader.size)
    }
    // Not the connection's: to SQLite, a file of one byte is empty.
    guard let size = FileIdentity(of: path)?.size else {
      throw .sqlite(
        path, code: SQLiteError.cannotOpen, detail: "it cannot be examined: \(Errno(rawValue: errno))")
    }
    guard size > 0 else { throw .empty(path) }
    guard FileHeader.beginsLikeDatabase(bytes) else { throw .notADatabase(path) }
    guard let header = FileHeader(bytes) else { throw .truncated(path) }
    guard header.applicationID == Schema.applicationID else { throw .notATree(path) }
    if size < header.fileSize { try refuseTruncated() }
    return header
  }

  /// Nil if SQLite would need to make files, which users without write permission cannot.
  private func readDirectly() throws(TreeError) -> Connection? {
    guard isReadable else { return nil }
    do {
      return try readDirectly(.reading)
    } catch .noSpace {
      // For the note about a reader, which matters only while another process writes. On a full disk none can.
      return try readDirectly(.readingWithoutTrace)
    }
  }

  private func readDirectly(_ access: Connection.Access) throws(TreeError) -> Connection? {
    let connection = try attempt { () throws(SQLiteError) in try Connection(to: path, access) }
    // While another process rebuilds the index, a connection that may not write it is told that it is read-only
    // (SQLITE_READONLY_RECOVERY, _CANTINIT). That takes milliseconds.
    let deadline = ContinuousClock.now + .seconds(5)
    while true {
      do {
        try refuseNewer(connection, .reading)
        break
      } catch _ where !exists(log) || !exists(index) {
        return nil
      } catch .readOnly where ContinuousClock.now < deadline {
        usleep(2000)
      } catch .readOnly {
        throw .busy(path)
      }
    }
    return connection
  }

  /// A file that is shorter than it says is damaged, or a checkpoint was interrupted and the log has the rest.
  private func refuseTruncated() throws(TreeError) {
    guard !isEmptyOrMissing(log), LogHeader.isValid(in: log) else { throw .truncated(path) }
    do {
      let connection = try Connection(to: path, .readingWithoutTrace)
      guard try connection.value("PRAGMA quick_check(1)") == .text("ok") else { throw TreeError.truncated(path) }
    } catch let error as SQLiteError where error.kind != .corrupt {
      // For example an index that only a writer can repair. A real error shows when the database is used.
      return
    } catch {
      throw .truncated(path)
    }
  }

  private func refuseNewer(_ connection: Connection, _ access: Access) throws(TreeError) {
    let key = access == .reading ? Schema.oldestReaderKey : Schema.oldestWriterKey
    let needed: Int? = try attempt { () throws(SQLiteError) in
      guard try connection.schemaVersion() > schema.version else { return 0 }
      guard case .integer(let needed) = try connection.value("SELECT value FROM setting WHERE key = ?", key) else {
        return nil
      }
      return Int(needed)
    }
    guard let needed else { throw .corrupt(path, detail: "it does not say which versions may use it") }
    guard needed <= schema.version else { throw .newer(path, needed: needed, known: schema.version) }
  }

  /// Checks whether this program may write, without making or changing log and index, as writing would.
  private func inspectUntouched(_ header: FileHeader) throws(TreeError) {
    do {
      if isReadable {
        let connection = try attempt { () throws(SQLiteError) in try Connection(to: path, .readingWithoutTrace) }
        try refuseNewer(connection, .writing)
      } else if header.version > schema.version {
        try refuseNewer(try attempt { () throws(SQLiteError) in try PrivateCopy(of: path).load() }, .writing)
      }
    } catch {
      switch error {
      case .newer, .corrupt: throw error
      // For example an index that only a writer can repair. A real error shows again when it is opened.
      default: return
      }
    }
  }

  private func migrate(_ connection: Connection) throws(TreeError) {
    do {
      try connection.transaction { try schema.migrate(connection) }
    } catch let error as SQLiteError {
      throw TreeError(error, path)
    } catch {
      throw .corrupt(path, detail: "\(error)")
    }
  }

  private func configure(_ connection: Connection) throws(TreeError) {
    try attempt { () throws(SQLiteError) in
      try connection.execute(
        """
        PRAGMA foreign_keys = ON;
        PRAGMA synchronous = FULL;
        PRAGMA cell_size_check = ON;
        PRAGMA temp_store = MEMORY;
        """)
    }
  }

  /// The reason why a file that can be read cannot be written.
  private func unwritable() -> TreeError {
    guard path.withPlatformString({ access($0, W_OK) }) != 0 else {
      // SQLite opens a file for reading when it cannot open it for writing, whatever the reason is, and keeps that to
      // itself. No connection of this process holds a lock that closing the file would drop.
      var reason = ""
      do {
        try FileDescriptor.open(path, .readWrite, options: .closeOnExec).close()
      } catch {
        reason = ": \(error)"
      }
      return .sqlite(path, code: SQLiteError.cannotOpen, detail: "it cannot be opened for writing\(reason)")
    }
    return errno == EACCES ? .notPermitted(path) : .readOnly(path)
  }

  private func exists(_ file: FilePath) -> Bool {
    FileIdentity(of: file) != nil
  }

  private func isEmptyOrMissing(_ file: FilePath) -> Bool {
    FileIdentity(of: file).map { $0.size == 0 } ?? true
  }

  private func attempt<T>(_ body: () throws(SQLiteError) -> T) throws(TreeError) -> T {
    do {
      return try body()
    } catch {
      throw TreeError(error, path)
    }
  }
}
