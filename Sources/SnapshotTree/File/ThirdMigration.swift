internal import SQLite

extension Schema {
  /// Version 3: tags, and pinned generations. Frozen: later changes are separate migrations.
  ///
  /// An ast of version 2 goes on writing this database, and its retention does not know that these generations must stay:
  /// the triggers keep it from deleting them. A deletion of rows that must stay does nothing, instead of failing, because
  /// each of its commits tries it again. It condemns the subvolume before it deletes the row, so that is ignored, too. A
  /// node with such a generation cannot be deleted: that was the user's word, who gets an error.
  static let thirdMigration = Migration(
    version: 3,
    sql: """
      -- Without a generation, the tag follows the node.
      CREATE TABLE tag (
        name TEXT NOT NULL PRIMARY KEY CHECK (name <> ''),
        node INTEGER NOT NULL REFERENCES node (id),
        generation INTEGER,
        FOREIGN KEY (node, generation) REFERENCES generation (node, number)
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX tag_by_generation ON tag (node, generation);
      CREATE TABLE generation_pin (
        node INTEGER NOT NULL,
        generation INTEGER NOT NULL,
        PRIMARY KEY (node, generation),
        FOREIGN KEY (node, generation) REFERENCES generation (node, number)
      ) STRICT, WITHOUT ROWID;

      CREATE TRIGGER generation_is_kept BEFORE DELETE ON generation
        WHEN EXISTS (SELECT 1 FROM tag WHERE node = OLD.node AND generation = OLD.number)
          OR EXISTS (SELECT 1 FROM generation_pin WHERE node = OLD.node AND generation = OLD.number)
        BEGIN SELECT RAISE(IGNORE); END;
      CREATE TRIGGER subvolume_is_kept BEFORE INSERT ON doomed
        WHEN EXISTS (
          SELECT 1 FROM generation WHERE subvolume = NEW.subvolume AND (
            EXISTS (SELECT 1 FROM tag WHERE tag.node = generation.node AND tag.generation = generation.number)
            OR EXISTS (
              SELECT 1 FROM generation_pin AS pin
                WHERE pin.node = generation.node AND pin.generation = generation.number)))
        BEGIN SELECT RAISE(IGNORE); END;
      CREATE TRIGGER node_is_kept BEFORE DELETE ON node
        WHEN EXISTS (SELECT 1 FROM tag WHERE node = OLD.id)
          OR EXISTS (SELECT 1 FROM generation_pin WHERE node = OLD.id)
        BEGIN SELECT RAISE(ABORT, 'a node with a tag or a pinned generation cannot be deleted'); END;
      """)
}
