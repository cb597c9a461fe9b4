internal import CSQLite

/// Moves the log into the database after a commit that has made it long, and empties it.
///
/// SQLite's own automatic checkpoint moves the pages but leaves the log as it is: the next transaction of a process
/// that has the database open restarts it. Only the index records that a log was moved, and the first process that
/// opens the database rebuilds the index. With processes that each write once, one after the other, the log would grow
/// for ever, and each of them would read all of it.
final class LogCheckpoint {
  private let busyHandler: BusyHandler
  private var pages: Int32 = 0

  init(busyHandler: BusyHandler) {
    self.busyHandler = busyHandler
  }

  /// Sets the number of pages a log has when it is moved, from now on.
  func install(on connection: OpaquePointer, at pages: Int32) {
    self.pages = pages
    sqlite3_wal_hook(
      connection,
      { context, connection, _, length in
        guard let context, let connection else { return SQLITE_OK }
        Unmanaged<LogCheckpoint>.fromOpaque(context).takeUnretainedValue().committed(connection, length: length)
        // Whether or not the checkpoint succeeded, the transaction is committed.
        return SQLITE_OK
      }, Unmanaged.passUnretained(self).toOpaque())
  }

  /// Does not wait for other users of the log: it moves as much as possible, and a later commit moves the rest.
  private func committed(_ connection: OpaquePointer, length: Int32) {
    guard length >= pages else { return }
    busyHandler.withoutWaiting {
      _ = sqlite3_wal_checkpoint_v2(connection, nil, SQLITE_CHECKPOINT_TRUNCATE, nil, nil)
    }
  }
}
