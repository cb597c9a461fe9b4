internal import SQLite

extension Schema {
  /// Version 5: a node may be below one with a higher number. Frozen: later changes are separate migrations.
  ///
  /// SQLite cannot drop a CHECK, so the table is made anew (https://sqlite.org/lang_altertable.html, 7) under its own
  /// name: the rows that refer to it are checked at the commit, when its rows are back. Each row that comes back is
  /// looked up as a parent, so the index comes before them.
  ///
  /// An ast of version 2 or 3 goes on writing this table. It makes nodes below older ones only, and moves none.
  static let fifthMigration = Migration(
    version: 5,
    sql: """
      PRAGMA defer_foreign_keys = ON;
      CREATE TABLE kept_node AS SELECT * FROM node;
      DROP TABLE node;
      -- That no node is below itself is checked when one is moved.
      CREATE TABLE node (
        id INTEGER PRIMARY KEY CHECK (id BETWEEN 0 AND 2147483647),
        parent INTEGER REFERENCES node (id) CHECK (parent <> id AND (id <> 0 OR parent IS NULL)),
        description TEXT NOT NULL,
        created INTEGER NOT NULL,
        current INTEGER NOT NULL,
        previous INTEGER CHECK (previous <> current),
        next_generation INTEGER NOT NULL CHECK (next_generation > current AND next_generation > ifnull(previous, -1)),
        FOREIGN KEY (id, current) REFERENCES generation (node, number) DEFERRABLE INITIALLY DEFERRED,
        FOREIGN KEY (id, previous) REFERENCES generation (node, number) DEFERRABLE INITIALLY DEFERRED
      ) STRICT;
      CREATE INDEX node_by_parent ON node (parent);
      INSERT INTO node (id, parent, description, created, current, previous, next_generation)
        SELECT id, parent, description, created, current, previous, next_generation FROM kept_node;
      DROP TABLE kept_node;
      -- As it was: it went with the table.
      CREATE TRIGGER node_is_kept BEFORE DELETE ON node
        WHEN EXISTS (SELECT 1 FROM tag WHERE node = OLD.id)
          OR EXISTS (SELECT 1 FROM generation_pin WHERE node = OLD.id)
        BEGIN SELECT RAISE(ABORT, 'a node with a tag or a pinned generation cannot be deleted'); END;
      """)
}
