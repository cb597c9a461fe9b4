/// The objects that SQLite calls back or points to. They have to live as long as SQLite's own connection, which lives
/// until its last statement is gone (`sqlite3_close_v2`), so each statement holds them too.
final class ConnectionHooks {
  let busyHandler: BusyHandler
  let checkpoint: LogCheckpoint
  var memoryGuard: SharedMemoryGuard?
  var writtenTables: WrittenTables?

  init(busyHandler: BusyHandler) {
    self.busyHandler = busyHandler
    checkpoint = LogCheckpoint(busyHandler: busyHandler)
  }
}
