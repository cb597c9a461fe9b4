internal import CSQLite

extension Connection {
  /// Replaces the contents of this database with those of another, in one step.
  public func copy(from source: Connection) throws(SQLiteError) {
    guard let backup = sqlite3_backup_init(handle, "main", source.handle, "main") else { throw error("copy") }
    let result = sqlite3_backup_step(backup, -1)
    sqlite3_backup_finish(backup)
    guard result == SQLITE_DONE else {
      throw SQLiteError(extendedCode: result, message: String(cString: sqlite3_errstr(result)), operation: "copy")
    }
  }
}
