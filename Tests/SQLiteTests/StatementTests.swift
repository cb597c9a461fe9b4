import SQLite
import Testing

@Suite struct StatementTests {
  @Test func columnsAreReadByType() throws {
    let database = try Connection()
    let statement = try database.prepare("SELECT 1, NULL, 'a' || char(0) || 'b', x'00ff', 0.5")
    #expect(statement.columnCount == 5)
    #expect(try statement.step())
    #expect(statement.integer(0) == 1)
    #expect(statement.optionalInteger(0) == 1)
    #expect(statement.optionalInteger(1) == nil)
    #expect(statement.isNull(1))
    #expect(statement.text(2) == "a\0b")
    #expect(statement.optionalText(1) == nil)
    #expect(statement.optionalText(2) == "a\0b")
    #expect(statement.withUTF8(2) { Array($0) } == [97, 0, 98])
    #expect(statement.blob(3) == [0, 255])
    #expect(statement.real(4) == 0.5)
    #expect((0..<5).map { statement.value($0) } == [.integer(1), .null, .text("a\0b"), .blob([0, 255]), .real(0.5)])
    #expect(try !statement.step())
  }

  @Test func nullReadsAsNothing() throws {
    let statement = try Connection().prepare("SELECT NULL")
    #expect(try statement.step())
    #expect(statement.integer(0) == 0)
    #expect(statement.text(0) == "")
    #expect(statement.blob(0) == [])
  }

  @Test func resetForgetsTheParameters() throws {
    let statement = try Connection().prepare("SELECT ?")
    try statement.bind(["x"])
    #expect(try statement.step())
    #expect(statement.text(0) == "x")
    statement.reset()
    #expect(try statement.step())
    #expect(statement.isNull(0))
  }

  @Test(arguments: [0, 1, 3])
  func anotherNumberOfValuesThanOfParametersIsRefused(_ count: Int) throws {
    let statement = try Connection().prepare("SELECT ?, ?")
    expectFailure(.other) { try statement.bind(Array(repeating: 1, count: count)) }
  }

  @Test func aStatementMayOutliveItsConnection() throws {
    var database: Connection? = try Connection()
    let statement = try #require(try database?.prepare("SELECT 42"))
    database = nil
    #expect(try statement.step())
    #expect(statement.integer(0) == 42)
  }

  @Test(arguments: ["", "-- nothing"])
  func textWithoutAStatementIsRefused(_ sql: String) throws {
    let database = try Connection()
    expectFailure(.other) { try database.prepare(sql) }
  }

  @Test func theSameQueryCanRunInsideItself() throws {
    let database = try Connection()
    let sql = "WITH n (n) AS (VALUES (1), (2)) SELECT n FROM n"
    let outer = try database.start(sql, [])
    var seen: [Int64] = []
    while try outer.step() {
      let inner = try database.start(sql, [])
      while try inner.step() { seen.append(outer.integer(0) * 10 + inner.integer(0)) }
      database.finish(inner)
    }
    database.finish(outer)
    #expect(seen == [11, 12, 21, 22])
  }
}
