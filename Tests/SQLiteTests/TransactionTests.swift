import SQLite
import Testing

@Suite struct TransactionTests {
  private struct Failure: Error {}

  @Test func whatThrowsLeavesNoTrace() throws {
    let database = try Connection()
    try database.execute("CREATE TABLE t (v)")
    #expect(throws: Failure.self) {
      try database.transaction {
        try database.run("INSERT INTO t VALUES (1)")
        #expect(database.isInTransaction)
        throw Failure()
      }
    }
    #expect(!database.isInTransaction)
    #expect(try database.transaction { try database.run("INSERT INTO t VALUES (2)") } == 1)
    #expect(try database.rows("SELECT v FROM t") == [[.integer(2)]])
  }

  @Test func aDeferredConstraintFailsTheCommitAndUndoesEverything() throws {
    let database = try Connection()
    try database.execute(
      """
      PRAGMA foreign_keys = ON;
      CREATE TABLE a (id INTEGER PRIMARY KEY);
      CREATE TABLE b (a REFERENCES a (id) DEFERRABLE INITIALLY DEFERRED);
      """)
    expectFailure(.constraint) { try database.transaction { try database.run("INSERT INTO b VALUES (1)") } }
    #expect(!database.isInTransaction)
    #expect(try database.value("SELECT count(*) FROM b") == .integer(0))
  }

  @Test func aSecondWriterIsToldSoWhenTheTimeIsUp() throws {
    try withTemporaryDirectory { directory in
      let first = try Connection(to: directory.appending("a"), .creating)
      try first.useWriteAheadLog()
      try first.execute("CREATE TABLE t (v)")
      let second = try Connection(to: directory.appending("a"), .writing, busyTimeout: .milliseconds(50))
      try first.begin(.immediate)
      let clock = ContinuousClock()
      let waited = clock.measure { expectFailure(.busy) { try second.begin(.immediate) } }
      #expect(waited >= .milliseconds(50) && waited < .seconds(5))
      first.rollBack()
      try second.begin(.immediate)
      try second.commit()
    }
  }

  @Test func aWriterAndReadersDoNotMeet() throws {
    try withTemporaryDirectory { directory in
      let writer = try Connection(to: directory.appending("a"), .creating, busyTimeout: .zero)
      try writer.useWriteAheadLog()
      try writer.execute("CREATE TABLE t (v); INSERT INTO t VALUES (1)")
      let reader = try Connection(to: directory.appending("a"), .reading, busyTimeout: .zero)
      try reader.begin(.deferred)
      #expect(try reader.value("SELECT count(*) FROM t") == .integer(1))
      try writer.transaction {
        try writer.run("INSERT INTO t VALUES (2)")
        let late = try Connection(to: directory.appending("a"), .reading, busyTimeout: .zero)
        #expect(try late.value("SELECT count(*) FROM t") == .integer(1))
      }
      #expect(try reader.value("SELECT count(*) FROM t") == .integer(1))
      reader.rollBack()
      #expect(try reader.value("SELECT count(*) FROM t") == .integer(2))
    }
  }
}
