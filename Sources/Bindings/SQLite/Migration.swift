/// One step from a version of a schema to the next. Once released it never changes.
public struct Migration: Sendable {
  /// The version of the schema after this step. The first is 1, and there are no gaps.
  public let version: Int
  /// The statements.
  public let sql: String

  /// A step to `version`.
  public init(version: Int, sql: String) {
    self.version = version
    self.sql = sql
  }
}

extension Connection {
  /// The version of the schema: `PRAGMA user_version`, 0 in a new file.
  public func schemaVersion() throws(SQLiteError) -> Int {
    guard case .integer(let version) = try value("PRAGMA user_version") else { return 0 }
    return Int(version)
  }

  /// Takes the steps that the database does not have yet, each with its version, in the open transaction.
  ///
  /// Returns the steps that were taken. The version is read inside the transaction, so of two processes that find an
  /// old schema the second finds it done.
  @discardableResult
  public func migrate(_ migrations: [Migration]) throws(SQLiteError) -> [Migration] {
    let present = try schemaVersion()
    let missing = migrations.filter { $0.version > present }
    for migration in missing {
      try execute(migration.sql)
      try execute("PRAGMA user_version = \(migration.version)")
    }
    return missing
  }
}
