import SQLite
import SystemPackage
import TestSupport
import Testing

@testable import SnapshotTree

@Suite struct SchemaTests {
  /// A future version that adds a column, which older programs may pass over or not.
  private func next(oldestReader: Int, oldestWriter: Int) -> Schema {
    let version = Schema.current.version + 1
    let migration = Migration(
      version: version, sql: "ALTER TABLE node ADD COLUMN colour TEXT; CREATE TABLE extra (v INTEGER) STRICT")
    return Schema(
      migrations: Schema.current.migrations + [migration], oldestReader: oldestReader, oldestWriter: oldestWriter)
  }

  /// A tree of two nodes as the future version leaves it.
  private func makeNext(in directory: FilePath, oldestReader: Int, oldestWriter: Int) throws -> FilePath {
    let path = directory.appending("tree.sqlite")
    try TreeDatabase.create(at: path)
    let schema = next(oldestReader: oldestReader, oldestWriter: oldestWriter)
    try TreeDatabase(opening: path, .writing, schema: schema).grow([nil, 0])
    return path
  }

  private func version(_ path: FilePath) throws -> Int {
    try Connection(to: path, .readingWithoutTrace).schemaVersion()
  }

  @Test func versionsHaveNoGaps() {
    #expect(Schema.current.migrations.map(\.version) == Array(1...Schema.current.version))
    #expect((1...Schema.current.version).contains(Schema.current.oldestReader))
    #expect((1...Schema.current.version).contains(Schema.current.oldestWriter))
  }

  @Test func theFirstMigrationIsFrozen() throws {
    let frozen = try Connection()
    try frozen.execute(firstSchema)
    let present = try Connection()
    try present.migrate(Array(Schema.current.migrations.prefix(1)))
    let query = "SELECT type, name, sql FROM sqlite_schema ORDER BY type, name"
    #expect(try present.rows(query) == frozen.rows(query))
    #expect(try present.value("PRAGMA application_id") == frozen.value("PRAGMA application_id"))
  }

  @Test(arguments: [firstSchema])
  func everyReleasedSchemaIsReadAndBroughtUpToDate(_ released: String) throws {
    try withTemporaryDirectory { directory in
      let path = directory.appending("tree.sqlite")
      try Connection(to: path, .creating).execute(released)
      let tree = try TreeDatabase(opening: path, .writing)
      #expect(try tree.nodes() == [node(0, nil, "base"), node(1, 0, "web")])
      #expect(try tree.generations() == [generation(0, 1), generation(1, 1)])
      #expect(try tree.nextNode == NodeID(3))
      #expect(try tree.deployments().map(\.id) == [DeploymentID(1)])
      #expect(try tree.defaultDeployment == DeploymentID(1))
      #expect(try tree.history().map(\.command) == ["ast init"])
      try tree.write { try $0.insert(node(3, 1), generation(3, 1)) }
      #expect(try tree.integrityProblems() == [])
      #expect(try TreeDatabase(opening: path, .reading).ids == [0, 1, 3])
      #expect(try version(path) == Schema.current.version)
    }
  }

  /// ast 0.1.0 knows version 2. It runs in deployments that people go back to, and has to work there.
  @Test func everyReleasedAstMayReadAndWrite() throws {
    try withTree { (tree) throws in
      let query = "SELECT max(value) FROM setting WHERE key IN ('oldest-reader', 'oldest-writer')"
      guard case .integer(let oldest) = try tree.connection.value(query) else {
        Issue.record("it does not say which versions may use it")
        return
      }
      #expect(oldest <= 2)
    }
  }

  @Test func anOlderAstFindsItsSettings() throws {
    try withTree { (tree) throws in
      // It takes a tree without these rows for damaged.
      let query = "SELECT count(*) FROM setting WHERE key IN ('keep-generations', 'keep-deployments')"
      #expect(try tree.connection.value(query) == .integer(2))
    }
  }

  @Test func aWriterMigratesOnceAndKeepsEverything() throws {
    try withTemporaryDirectory { directory in
      let path = directory.appending("tree.sqlite")
      try TreeDatabase.create(at: path)
      try TreeDatabase(opening: path, .writing).grow([nil, 0])
      let schema = next(oldestReader: 1, oldestWriter: 1)
      for _ in 0..<2 {
        let tree = try TreeDatabase(opening: path, .writing, schema: schema)
        #expect(try tree.ids == [0, 1])
        #expect(try version(path) == schema.version)
      }
    }
  }

  @Test func aReaderOfAnOlderSchemaSeesTheNewOneAndChangesNothing() throws {
    try withTemporaryDirectory { directory in
      let path = directory.appending("tree.sqlite")
      try TreeDatabase.create(at: path)
      try TreeDatabase(opening: path, .writing).grow([nil, 0])
      let schema = next(oldestReader: 2, oldestWriter: 2)
      let tree = try TreeDatabase(opening: path, .reading, schema: schema)
      #expect(try tree.ids == [0, 1])
      #expect(try tree.exists("SELECT colour FROM node"))
      expectError(.readOnly(path)) { try tree.write { _ in } }
      #expect(try version(path) == Schema.current.version)
    }
  }

  @Test func whatANewerVersionAllowsWorks() throws {
    try withTemporaryDirectory { directory in
      let path = try makeNext(in: directory, oldestReader: 1, oldestWriter: 1)
      #expect(try TreeDatabase(opening: path, .reading).ids == [0, 1])
      let tree = try TreeDatabase(opening: path, .writing)
      try tree.write { try $0.insert(node(2, 0), generation(2, 1)) }
      #expect(try tree.ids == [0, 1, 2])
      #expect(try version(path) == Schema.current.version + 1)
    }
  }

  @Test(arguments: [true, false])
  func whatANewerVersionForbidsIsRefusedAndNothingChanges(_ hasLog: Bool) throws {
    try withTemporaryDirectory { directory in
      let known = Schema.current.version
      let path = try makeNext(in: directory, oldestReader: known, oldestWriter: known + 1)
      if !hasLog { try runSuccessfully(["sqlite3", path.string, "PRAGMA wal_checkpoint(TRUNCATE)"]) }
      let before = try contents(of: directory)
      #expect(before.hasPrefix(hasLog ? "tree.sqlite\ntree.sqlite-shm\ntree.sqlite-wal\n" : "tree.sqlite\n"))
      expectError(.newer(path, needed: known + 1, known: known)) { try TreeDatabase(opening: path, .writing) }
      #expect(try contents(of: directory) == before)
      #expect(try TreeDatabase(opening: path, .reading).ids == [0, 1])
    }
  }

  @Test(arguments: [true, false])
  func whatNobodyOlderMayReadIsRefused(_ hasLog: Bool) throws {
    try withTemporaryDirectory { directory in
      let known = Schema.current.version
      let path = try makeNext(in: directory, oldestReader: known + 1, oldestWriter: known + 1)
      if !hasLog { try runSuccessfully(["sqlite3", path.string, "PRAGMA wal_checkpoint(TRUNCATE)"]) }
      for access in [Access.reading, .writing] {
        expectError(.newer(path, needed: known + 1, known: known)) { try TreeDatabase(opening: path, access) }
      }
    }
  }

  @Test func aNewerDatabaseThatDoesNotSayWhoMayUseItIsDamaged() throws {
    try withTemporaryDirectory { directory in
      let path = try makeNext(in: directory, oldestReader: 1, oldestWriter: 1)
      try runSuccessfully(["sqlite3", path.string, "DELETE FROM setting WHERE key LIKE 'oldest%'"])
      for access in [Access.reading, .writing] {
        expectError(.corrupt(path, detail: "it does not say which versions may use it")) {
          try TreeDatabase(opening: path, access)
        }
      }
    }
  }

  @Test(arguments: [
    "INSERT INTO node VALUES (5, 9, '', 0, 1, NULL, 2)", "UPDATE node SET parent = 1 WHERE id = 1",
    "UPDATE node SET parent = 1 WHERE id = 0", "UPDATE node SET parent = 7 WHERE id = 1",
    "UPDATE operation SET leader = id", "UPDATE operation SET leader = 0", "UPDATE node SET current = 7 WHERE id = 0",
    "UPDATE node SET previous = current", "UPDATE node SET next_generation = 1", "UPDATE node SET description = NULL",
    "UPDATE node SET id = -1 WHERE id = 1", "UPDATE node SET id = 2147483648 WHERE id = 1",
    "UPDATE node SET created = 'today'", "DELETE FROM node WHERE id = 0", "DELETE FROM generation",
    "UPDATE generation SET size = -1", "UPDATE generation SET subvolume = 'x'", "UPDATE generation SET manifest = 7",
    "UPDATE generation SET subvolume = (SELECT min(subvolume) FROM generation)",
    "UPDATE deployment SET state = 'maybe'", "UPDATE deployment SET pinned = 2", "UPDATE deployment SET generation = 9",
    "UPDATE operation SET ended = NULL", "UPDATE operation SET state = 'running'", "UPDATE operation SET state = 'odd'",
    "UPDATE operation SET kind = ''", "INSERT INTO deployment_role VALUES ('x', 9)", "DELETE FROM deployment",
    "INSERT INTO node_role VALUES ('x', 9)", "INSERT INTO account VALUES ('robot', 'x', 1)",
    "INSERT INTO account VALUES ('user', 'x', -1)", "INSERT INTO account VALUES ('user', 'x', 4294967295)",
    "INSERT INTO account VALUES ('user', 'a', 7), ('user', 'b', 7)", "INSERT INTO setting VALUES ('x', 'text')",
    "INSERT INTO doomed VALUES ('', NULL)", "INSERT INTO manifest_package VALUES (1, 1)",
    "INSERT INTO package VALUES (1, 'a', 'b', 'c'), (2, 'a', 'b', 'c')",
  ])
  func illegalStatesCannotBeStored(_ sql: String) throws {
    try withTemporaryDirectory { directory in
      let path = directory.appending("tree.sqlite")
      try Connection(to: path, .creating).execute(firstSchema)
      let tree = try TreeDatabase(opening: path, .writing)
      expectConstraint { try tree.write { try $0.run(sql) } }
    }
  }
}
