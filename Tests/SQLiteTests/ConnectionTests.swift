import SQLite
import SystemPackage
import TestSupport
import Testing

@Suite struct ConnectionTests {
  @Test func writingNeedsAFileAndCreatingMakesOne() throws {
    try withTemporaryDirectory { directory in
      let path = directory.appending("new.sqlite")
      for access in [Connection.Access.reading, .writing] {
        let error = expectFailure(.cannotOpen) { try Connection(to: path, access) }
        #expect(error?.systemError == .noSuchFileOrDirectory)
      }
      try Connection(to: path, .creating).execute("CREATE TABLE t (v)")
      #expect(try Connection(to: path, .writing).run("INSERT INTO t VALUES (1), (2)") == 2)
      let reader = try Connection(to: path, .reading)
      #expect(reader.isReadOnly)
      #expect(try reader.rows("SELECT v FROM t ORDER BY v") == [[.integer(1)], [.integer(2)]])
      expectFailure(.readOnly) { try reader.run("INSERT INTO t VALUES (3)") }
    }
  }

  @Test(arguments: ["a b", "100%", "what?mode=memory", "#x", "é", "a\nb", "%00", "'"])
  func anyNameOfAFileWorks(_ name: String) throws {
    try withTemporaryDirectory { directory in
      try Connection(to: directory.appending(name), .creating).execute("CREATE TABLE t (v)")
      #expect(try runSuccessfully(["ls", "-A", "--literal", directory.string]) == name + "\n")
      _ = try Connection(to: directory.appending(name), .reading).rows("SELECT * FROM t")
    }
  }

  @Test func aNameThatIsNoTextWorks() throws {
    try withTemporaryDirectory { directory in
      let bytes = directory.withPlatformString { start in
        Array(UnsafeBufferPointer(start: start, count: directory.length))
      }
      let path = FilePath(platformString: bytes + [47, CChar(bitPattern: 0xff), 65, 0])
      try Connection(to: path, .creating).execute("CREATE TABLE t (v)")
      #expect(try path.stat().size > 0)
    }
  }

  @Test func errorsNameTheStatement() throws {
    let database = try Connection()
    let error = expectFailure(.other) { try database.run("SELECT * FROM nowhere") }
    #expect(error?.operation == "SELECT * FROM nowhere")
    #expect(error?.message == "no such table: nowhere")
    #expect(error?.description == "no such table: nowhere (SQLite 1): SELECT * FROM nowhere")
    #expect(throws: SQLiteError.self) { try database.execute("SELECT 1; NONSENSE") }
  }

  @Test func aStatementThatFailedCanBeUsedAgain() throws {
    let database = try Connection()
    try database.execute("CREATE TABLE t (v INTEGER PRIMARY KEY) STRICT")
    #expect(try database.run("INSERT INTO t VALUES (?)", 1) == 1)
    expectFailure(.constraint) { try database.run("INSERT INTO t VALUES (?)", 1) }
    #expect(try database.run("INSERT INTO t VALUES (?)", 2) == 1)
    #expect(database.lastInsertedRow == 2)
    #expect(try database.value("SELECT count(*) FROM t") == .integer(2))
    #expect(try database.value("SELECT v FROM t WHERE v = 3") == nil)
  }

  @Test func aCopyHasEverything() throws {
    try withTemporaryDirectory { directory in
      let source = try Connection(to: directory.appending("a"), .creating)
      try source.useWriteAheadLog()
      try source.execute("CREATE TABLE t (v); INSERT INTO t VALUES (1)")
      let copy = try Connection()
      try copy.copy(from: source)
      try copy.run("INSERT INTO t VALUES (2)")
      #expect(try copy.rows("SELECT v FROM t ORDER BY v") == [[.integer(1)], [.integer(2)]])
      #expect(try source.rows("SELECT v FROM t") == [[.integer(1)]])
    }
  }

  @Test func theBytesOfTheFileCanBeRead() throws {
    try withTemporaryDirectory { directory in
      let database = try Connection(to: directory.appending("a"), .creating)
      #expect(try database.fileSize() == 0)
      #expect(try database.fileBytes(count: 16) == [])
      try database.execute("CREATE TABLE t (v)")
      #expect(try database.fileSize() == 8192)
      #expect(try database.fileBytes(count: 16) == Array("SQLite format 3\0".utf8))
      #expect(try database.fileBytes(at: 8190, count: 16).count == 2)
      #expect(try database.fileBytes(at: 9000, count: 16) == [])
    }
  }
}
