import SQLite
import Testing

@Suite struct MigrationTests {
  private let migrations = [
    Migration(version: 1, sql: "CREATE TABLE a (v)"),
    Migration(version: 2, sql: "ALTER TABLE a ADD COLUMN w; CREATE TABLE b (v)"),
    Migration(version: 3, sql: "CREATE TABLE c (v)"),
  ]

  @Test(arguments: 0...3)
  func everyVersionGetsTheStepsItLacks(_ version: Int) throws {
    let database = try Connection()
    try database.migrate(Array(migrations.prefix(version)))
    #expect(try database.schemaVersion() == version)
    #expect(try database.migrate(migrations).map(\.version) == Array(1...3).filter { $0 > version })
    #expect(try database.schemaVersion() == 3)
    #expect(try database.migrate(migrations).isEmpty)
    let tables = try database.rows("SELECT name FROM sqlite_schema ORDER BY name")
    #expect(tables == [[.text("a")], [.text("b")], [.text("c")]])
  }

  @Test func aStepThatFailsIsUndoneWithItsVersion() throws {
    let database = try Connection()
    try database.migrate(Array(migrations.prefix(1)))
    let broken = migrations.prefix(2) + [Migration(version: 3, sql: "CREATE TABLE d (v); NONSENSE")]
    #expect(throws: SQLiteError.self) { try database.transaction { try database.migrate(Array(broken)) } }
    #expect(try database.schemaVersion() == 1)
    #expect(try database.rows("SELECT name FROM sqlite_schema") == [[.text("a")]])
  }

  @Test func aNewerDatabaseIsLeftAlone() throws {
    let database = try Connection()
    try database.execute("PRAGMA user_version = 9")
    #expect(try database.migrate(migrations).isEmpty)
    #expect(try database.schemaVersion() == 9)
  }
}
