import SQLite
import SystemPackage
import TestSupport
import Testing

@Suite("The log of a database")
struct LogCheckpointTests {
  /// Each connection is closed before the next one is opened: as when commands follow each other.
  @Test func staysShortWhenEachProcessWritesOnce() throws {
    try withDatabase { path, log in
      for number in 0..<300 {
        try write(number, to: path)
        #expect(try size(of: log) < 110 * 4120)
      }
      #expect(try Connection(to: path, .reading).value("SELECT count(*) FROM number") == .integer(300))
    }
  }

  @Test func isMovedLaterWhileSomebodyReads() throws {
    try withDatabase { path, log in
      let reader = try Connection(to: path, .writing)
      try reader.execute("BEGIN; SELECT * FROM number")
      for number in 0..<120 { try write(number, to: path) }
      #expect(try size(of: log) > 110 * 4120)
      #expect(try reader.value("SELECT count(*) FROM number") == .integer(0))
      try reader.execute("COMMIT")
      try write(120, to: path)
      #expect(try size(of: log) == 0)
      #expect(try reader.value("SELECT count(*) FROM number") == .integer(121))
    }
  }

  /// Closed again when it returns: a connection that stays would remember what was moved.
  private func create(_ path: FilePath) throws {
    let connection = try Connection(to: path, .creating)
    try connection.useWriteAheadLog()
    try connection.execute("CREATE TABLE number (value INTEGER NOT NULL) STRICT")
  }

  private func write(_ number: Int, to path: FilePath) throws {
    let connection = try Connection(to: path, .writing)
    try connection.useWriteAheadLog()
    try connection.run("INSERT INTO number VALUES (?)", number)
  }

  private func size(of file: FilePath) throws -> Int {
    let text = try runSuccessfully(["stat", "--format=%s", file.string])
    return try #require(Int(text.prefix { $0.isNumber }))
  }

  private func withDatabase(_ body: (_ path: FilePath, _ log: FilePath) throws -> Void) throws {
    let directory = FilePath(
      String(try runSuccessfully(["mktemp", "--directory", "/tmp/ast-test-log-XXXXXX"]).prefix { $0 != "\n" }))
    defer { _ = try? run(["rm", "-r", directory.string]) }
    let path = directory.appending("numbers.sqlite")
    try create(path)
    try body(path, directory.appending("numbers.sqlite-wal"))
  }
}
