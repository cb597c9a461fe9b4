internal import SQLite

/// The schema of the database: its migrations, and the versions that can use it.
///
/// After a rollback an older program meets a newer database. So a migration only adds, and the database carries the
/// oldest version of the schema whose programs may still read it and the oldest whose programs may write it.
struct Schema: Sendable {
  /// The steps from an empty file, in order, without gaps.
  let migrations: [Migration]
  /// A program that knows this version, or a newer one, may read a database that has all these migrations.
  let oldestReader: Int
  /// A program that knows this version, or a newer one, may write it.
  let oldestWriter: Int

  /// The version after all migrations.
  var version: Int { migrations.last?.version ?? 0 }

  /// The schema of this version of ast. A program that knows only version 1 must not write: it would delete generations
  /// that are in the boot menu.
  static let current = Schema(
    migrations: [firstMigration, secondMigration, thirdMigration, fourthMigration, fifthMigration], oldestReader: 1,
    oldestWriter: 2)

  /// `PRAGMA application_id`: the letters "astT", which mark the file as a database of ast.
  static let applicationID: Int32 = 0x6173_7454

  /// The settings that hold `oldestReader` and `oldestWriter`.
  static let oldestReaderKey = "oldest-reader"
  static let oldestWriterKey = "oldest-writer"

  /// Brings the database to this schema, in the open transaction.
  func migrate(_ connection: Connection) throws(SQLiteError) {
    guard try !connection.migrate(migrations).isEmpty else { return }
    for (key, version) in [(Schema.oldestReaderKey, oldestReader), (Schema.oldestWriterKey, oldestWriter)] {
      try connection.run("INSERT OR REPLACE INTO setting (key, value) VALUES (?, ?)", key, version)
    }
  }
}
