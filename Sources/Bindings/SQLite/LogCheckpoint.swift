internal import CSQLite

/// Moves the log into the database after a commit that has made it long, and empties it.
///
/// SQLite's own automatic checkpoint moves the pages but leaves the log as it is: it is for the next transaction of a
/// process that has the database open to begin it anew. That a log was moved stands only in its index, which whoever
/// opens the database first rebuilds. With processes that each write once, one after the other, the log would grow for
/// ever, and each of them would read all of it.
final class LogCheckpoint {
  private let busyHandler: BusyHandler
  private var pages: Int32 = 0

  init(busyHandler: BusyHandler) {
    self.busyHandler = busyHandler
  }

  /// Does it from now on, once a log has `pages` pages.
  func install(on connection: OpaquePointer, at pages: Int32) {
    self.pages = pages
    sqlite3_wal_hook(
      connection,
      { context, connection, _, length in
        guard let context, let connection else { return SQLITE_OK }
        Unmanaged<LogCheckpoint>.fromOpaque(context).takeUnretainedValue().committed(connection, length: length)
        // Whatever became of the checkpoint: the transaction is committed.
        return SQLITE_OK
      }, Unmanaged.passUnretained(self).toOpaque())
  }

  /// While others use the log it is not waited for them: as much as possible is moved, and a later commit does the rest.
  private func committed(_ connection: OpaquePointer, length: Int32) {
    guard length >= pages else { return }
    busyHandler.withoutWaiting {
      _ = sqlite3_wal_checkpoint_v2(connection, nil, SQLITE_CHECKPOINT_TRUNCATE, nil, nil)
    }
  }
}
