import SQLite
import SystemPackage
import TestSupport
import Testing

@Suite struct WriteAheadLogTests {
  private func files(_ directory: FilePath) throws -> [String] {
    try runSuccessfully(["ls", "-A", directory.string]).split(separator: "\n").map(String.init)
  }

  @Test func theLogStaysWhenTheLastConnectionCloses() throws {
    try withTemporaryDirectory { directory in
      let path = directory.appending("a")
      do {
        let database = try Connection(to: path, .creating)
        try database.useWriteAheadLog()
        try database.execute("CREATE TABLE t (v)")
      }
      #expect(try files(directory) == ["a", "a-shm", "a-wal"])
      do {
        let database = try Connection(to: path, .writing)
        #expect(try database.rows("SELECT * FROM t").isEmpty)
      }
      #expect(try files(directory) == ["a", "a-shm", "a-wal"])
    }
  }

  @Test func theLogIsMovedIntoTheFileWhenItIsLong() throws {
    try withTemporaryDirectory { directory in
      let database = try Connection(to: directory.appending("a"), .creating)
      try database.useWriteAheadLog(checkpointAt: 20)
      try database.execute("CREATE TABLE t (v)")
      for _ in 0..<200 { try database.run("INSERT INTO t VALUES (randomblob(3000))") }
      #expect(try database.fileSize() > 150 * 4096)
      #expect(try directory.appending("a-wal").stat().size < 40 * 4200)
    }
  }

  @Test func theLogOfALargeTransactionIsCutBack() throws {
    try withTemporaryDirectory { directory in
      let database = try Connection(to: directory.appending("a"), .creating)
      try database.useWriteAheadLog()
      try database.execute("CREATE TABLE t (v)")
      try database.transaction {
        for _ in 0..<1000 { try database.run("INSERT INTO t VALUES (randomblob(3000))") }
      }
      #expect(try database.fileSize() > 3 << 20)
      #expect(try directory.appending("a-wal").stat().size <= 1 << 20)
    }
  }

  @Test func withoutTheLogTheFileIsComplete() throws {
    try withTemporaryDirectory { directory in
      let database = try Connection(to: directory.appending("a"), .creating)
      try database.useWriteAheadLog()
      try database.execute("CREATE TABLE t (v)")
      try database.leaveWriteAheadLog()
      try runSuccessfully(["cp", directory.appending("a").string, directory.appending("b").string])
      #expect(try Connection(to: directory.appending("b"), .writing).rows("SELECT * FROM t").isEmpty)
    }
  }

  @Test func readingWithoutTraceWritesToNoFile() throws {
    try withTemporaryDirectory { directory in
      let path = directory.appending("a")
      do {
        let database = try Connection(to: path, .creating)
        try database.useWriteAheadLog()
        try database.execute("CREATE TABLE t (v); INSERT INTO t VALUES (1)")
      }
      // An index that is out of date, as after a power cut: a connection that may write it would repair it.
      try runSuccessfully(["dd", "if=/dev/urandom", "of=\(path)-shm", "bs=4096", "count=8", "status=none"])
      let sums = ["sh", "-c", "sha256sum '\(directory)'/*"]
      let before = try runSuccessfully(sums)
      do {
        let reader = try Connection(to: path, .readingWithoutTrace)
        #expect(try reader.rows("SELECT v FROM t") == [[.integer(1)]])
      }
      #expect(try runSuccessfully(sums) == before)
    }
  }
}
