internal import SQLite

extension Schema {
  /// Version 4: which operations belong to one command. Frozen: later changes are separate migrations.
  ///
  /// An ast of version 2 enters operations without a leader: each is a command of its own.
  static let fourthMigration = Migration(
    version: 4,
    sql: """
      -- The first operation of the same command; NULL if it is that one.
      ALTER TABLE operation ADD COLUMN leader INTEGER CHECK (leader BETWEEN 1 AND id - 1);
      CREATE INDEX operation_by_leader ON operation (leader) WHERE leader IS NOT NULL;
      """)
}
