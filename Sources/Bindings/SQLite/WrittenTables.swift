internal import CSQLite

internal import Glibc

/// Notes which tables of the main database the statements of a connection change, when they are prepared
/// (https://sqlite.org/c3ref/set_authorizer.html). A statement that is prepared need not be run.
final class WrittenTables {
  private(set) var names: Set<String> = []

  func install(on connection: OpaquePointer) {
    sqlite3_set_authorizer(
      connection,
      { context, action, table, _, database, _ in
        guard action == SQLITE_INSERT || action == SQLITE_UPDATE || action == SQLITE_DELETE, let context, let table,
          let database, strcmp(database, "main") == 0
        else { return SQLITE_OK }
        Unmanaged<WrittenTables>.fromOpaque(context).takeUnretainedValue().names.insert(String(cString: table))
        return SQLITE_OK
      }, Unmanaged.passUnretained(self).toOpaque())
  }
}
