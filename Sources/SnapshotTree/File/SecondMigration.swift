internal import SQLite

extension Schema {
  /// Version 2: the facts for the boot menu. Frozen: later changes are separate migrations.
  ///
  /// A generation or deployment of version 1 has no kernel here: it is not in the menu.
  static let secondMigration = Migration(
    version: 2,
    sql: """
      ALTER TABLE generation ADD COLUMN kernel TEXT CHECK (kernel <> '');
      ALTER TABLE generation ADD COLUMN initrd TEXT CHECK ((initrd IS NULL) = (kernel IS NULL));
      ALTER TABLE generation ADD COLUMN arguments TEXT CHECK ((arguments IS NULL) = (kernel IS NULL));

      ALTER TABLE deployment ADD COLUMN subvolume TEXT CHECK (length(subvolume) = 36);
      ALTER TABLE deployment ADD COLUMN kernel TEXT CHECK (kernel <> '');
      ALTER TABLE deployment ADD COLUMN initrd TEXT CHECK ((initrd IS NULL) = (kernel IS NULL));
      ALTER TABLE deployment ADD COLUMN arguments TEXT CHECK ((arguments IS NULL) = (kernel IS NULL));
      -- Why it does not boot.
      ALTER TABLE deployment ADD COLUMN reason TEXT;

      -- The tokens tell the boot loader that a choice is a new one: the number of the operation that made it, or 0.
      INSERT INTO setting VALUES ('keep-deployments', 3), ('boot-token', 0), ('once-token', 0);
      """)
}
