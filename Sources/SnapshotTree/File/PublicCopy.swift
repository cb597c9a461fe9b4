internal import SQLite
public import SystemPackage

internal import Glibc

/// The copy of the database for users: the rows that everybody may see, without what root has typed.
///
/// A process that reads a database holds locks that a writer waits for, so users do not get to open the database itself.
/// The copy is never changed, only replaced, and read without locks.
extension TreeDatabase {
  /// Where a copy comes from: it is brought up to date only if nothing of this has changed.
  struct Origin: Equatable {
    /// The boot in which it was written: the copy is not synced, so a power cut may have taken a part of it.
    let boot: String
    /// The database.
    let database: Int64
    /// The version of its schema.
    let schema: Int
  }

  /// Brings a copy up to date, or makes one, with one state of this database. Nothing is synced.
  ///
  /// - Parameters:
  ///   - file: a copy of the copy that users have, or a path that does not exist. After an error, its content is useless.
  ///   - boot: identifies this boot of the machine.
  public func writePublicCopy(to file: FilePath, boot: String) throws(TreeError) {
    let origin = Origin(
      boot: boot, database: FileIdentity(of: path).map { Int64(bitPattern: $0.inode) } ?? 0,
      schema: Schema.current.version)
    if FileIdentity(of: file) != nil {
      do { return try bringUpToDate(file, origin) } catch  where error == .unusableCopy { TreeDatabase.remove(file) }
    }
    try TreeDatabase.makePublicCopy(file, origin)
    try bringUpToDate(file, origin)
  }

  /// Opens a copy for reading.
  public convenience init(openingPublicCopy path: FilePath) throws(TreeError) {
    self.init(try DatabaseFile(path: path, schema: .current).openImmutable(), path: path, .reading)
  }

  private static func remove(_ file: FilePath) { file.withPlatformString { _ = unlink($0) } }

  private static func makePublicCopy(_ file: FilePath, _ origin: Origin) throws(TreeError) {
    do {
      let connection = try Connection(to: file, .creating)
      try connection.execute("PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY")
      try connection.transaction { try Schema.current.migrate(connection) }
      // The rows that they keep from being deleted are kept in the database, and followed here.
      for trigger in try connection.rows("SELECT name FROM sqlite_schema WHERE type = 'trigger'") {
        guard case .text(let name) = trigger[0] else { continue }
        try connection.execute("DROP TRIGGER \(name)")
      }
      try connection.execute(
        "CREATE TABLE origin (boot TEXT NOT NULL, database INTEGER NOT NULL, log BLOB) STRICT")
      try connection.run("INSERT INTO origin (boot, database) VALUES (?, ?)", origin.boot, origin.database)
    } catch let error as SQLiteError {
      throw TreeError(error, file)
    } catch {
      throw .sqlite(file, code: 0, detail: "\(error)")
    }
  }

  private func bringUpToDate(_ file: FilePath, _ origin: Origin) throws(TreeError) {
    guard !connection.isInTransaction else { throw .misuse("a public copy inside a transaction") }
    do {
      try connection.attach(file, as: "public")
    } catch {
      throw .unusableCopy
    }
    defer { try? connection.detach("public") }
    do {
      guard try originOfCopy() == origin else { throw TreeError.unusableCopy }
      // A journal that a killed command leaves would be played back into the next copy. "OFF" is ignored in a defensive
      // connection (SQLITE_DBCONFIG_DEFENSIVE). The rows that rows refer to are copied in another order; what is
      // consistent here is so there.
      try connection.execute(
        """
        PRAGMA public.synchronous = OFF; PRAGMA public.journal_mode = MEMORY; PRAGMA public.locking_mode = EXCLUSIVE;
        PRAGMA foreign_keys = OFF
        """)
      defer { try? connection.execute("PRAGMA foreign_keys = ON") }
      try connection.execute("BEGIN")
      do {
        // What was in the copy before the last `write` of this connection is there still, if nobody has written since.
        let log = try connection.value("SELECT log FROM public.origin")
        let isRecent = logBeforeWrite != nil && log == logBeforeWrite.map { .blob($0) }
        for copying in Self.copying where !isRecent || connection.writtenTables.contains(copying.table) {
          try connection.execute(isRecent ? copying.recent : copying.whole)
        }
        try connection.run("UPDATE public.origin SET log = ?", connection.endOfLog.map { .blob($0) } ?? Value.null)
        try connection.execute("COMMIT")
      } catch {
        connection.rollBack()
        throw error
      }
    } catch let error as SQLiteError {
      throw error.kind == .noSpace ? TreeError(error, file) : .unusableCopy
    } catch let error as TreeError {
      throw error
    } catch {
      throw .unusableCopy
    }
  }

  private func originOfCopy() throws -> Origin? {
    let rows = try connection.rows("SELECT boot, database FROM public.origin")
    guard let row = rows.first, case .text(let boot) = row[0], case .integer(let database) = row[1],
      case .integer(let version) = try connection.value("PRAGMA public.user_version")
    else { return nil }
    return Origin(boot: boot, database: database, schema: Int(version))
  }

  /// Makes a table of the copy equal to that of the database.
  private struct Copying {
    let table: String
    /// Whatever the copy has.
    let whole: String
    /// If the copy was equal before this connection changed the table.
    let recent: String

    /// Replaces the rows that differ: few do.
    init(_ table: String, _ columns: String, key: String, before first: String = "") {
      self.init(table, first + Copying.differing(table, columns, key: key))
    }

    /// The same for the rows that belong to nodes. When one is changed, its node becomes unpublished.
    init(_ table: String, _ columns: String, key: String, node: String) {
      self.init(
        table, Copying.differing(table, columns, key: key),
        recent: """
          DELETE FROM public.\(table) WHERE \(node) IN (SELECT node FROM main.unpublished);
          INSERT INTO public.\(table) (\(columns))
            SELECT \(columns) FROM main.\(table) WHERE \(node) IN (SELECT node FROM main.unpublished)
          """)
    }

    init(_ table: String, _ whole: String, recent: String? = nil) {
      self.table = table
      self.whole = whole
      self.recent = recent ?? whole
    }

    private static func differing(_ table: String, _ columns: String, key: String) -> String {
      """
      DELETE FROM public.\(table) WHERE (\(key)) IN
        (SELECT \(key) FROM (SELECT \(columns) FROM public.\(table) EXCEPT SELECT \(columns) FROM main.\(table)));
      INSERT OR REPLACE INTO public.\(table) (\(columns))
        SELECT \(columns) FROM main.\(table) EXCEPT SELECT \(columns) FROM public.\(table)
      """
    }
  }

  private static let copying = [
    Copying("manifest", "id, hash, packages", key: "id", before: packages),
    Copying("setting", "key, value", key: "key"),
    Copying("node", "id, parent, description, created, current, previous, next_generation", key: "id", node: "id"),
    Copying(
      "generation", "node, number, subvolume, created, operation, manifest, size, kernel, initrd, arguments",
      key: "node, number", node: "node"),
    Copying(
      "deployment", "id, node, generation, created, state, pinned, subvolume, kernel, initrd, arguments, reason",
      key: "id"),
    Copying("node_role", "role, node", key: "role"), Copying("deployment_role", "role, deployment", key: "role"),
    Copying("tag", "name, node, generation", key: "name"),
    Copying("generation_pin", "node, generation", key: "node, generation"),
    Copying("operation", operations),
  ]

  /// A manifest's packages are determined by its hash, so only those of manifests that are new are copied.
  private static let packages = """
    CREATE TEMP TABLE IF NOT EXISTS fresh (manifest INTEGER PRIMARY KEY);
    DELETE FROM temp.fresh;
    INSERT INTO temp.fresh SELECT id FROM (
      SELECT id, hash, packages FROM main.manifest EXCEPT SELECT id, hash, packages FROM public.manifest);
    DELETE FROM public.manifest_package WHERE manifest IN (
      SELECT id FROM (SELECT id, hash, packages FROM public.manifest EXCEPT SELECT id, hash, packages FROM main.manifest));
    DELETE FROM public.manifest_package WHERE manifest IN (SELECT manifest FROM temp.fresh);
    INSERT OR REPLACE INTO public.package (id, name, architecture, version)
      SELECT id, name, architecture, version FROM main.package WHERE id IN (
        SELECT package FROM main.manifest_package WHERE manifest IN (SELECT manifest FROM temp.fresh));
    INSERT INTO public.manifest_package (manifest, package)
      SELECT manifest, package FROM main.manifest_package WHERE manifest IN (SELECT manifest FROM temp.fresh);

    """

  /// What was typed may have passwords in it, and messages may have what a program has printed. An operation that has
  /// ended does not change any more.
  private static let operations = """
    INSERT OR REPLACE INTO public.operation
      (id, kind, node, state, command, started, ended, boot_id, pid, generation, from_generation, leader, message)
      SELECT id, kind, node, state, 'ast ' || kind || ifnull(' ' || node, ''), started, ended, boot_id, pid, generation,
        from_generation, leader,
        CASE WHEN kind = 'scheduled-upgrade' OR message IN ('nothing was changed', 'the command ended before it was done')
          OR message GLOB 'exit status [0-9]*' AND length(message) < 16
          OR message GLOB 'interrupted by signal [0-9]*' AND length(message) < 28 THEN message END
      FROM main.operation
      WHERE id IN (SELECT id FROM public.operation WHERE state = 'running')
        OR id > (SELECT ifnull(max(id), 0) FROM public.operation)
    """
}

extension TreeError {
  /// A copy that cannot be brought up to date, and is made anew.
  fileprivate static let unusableCopy = TreeError.misuse("the copy for users cannot be brought up to date")
}
