import SQLite
import Testing

@Suite struct ValueTests {
  @Test(arguments: [
    Value.null, .integer(0), .integer(.min), .integer(.max), .real(0.5), .real(-1e300), .text(""), .text("a\0b\0"),
    .text("é e\u{301} 日本 🌲"), .blob([]), .blob([0, 255, 0]),
  ])
  func everyValueComesBackAsItWasStored(_ value: Value) throws {
    let database = try Connection()
    try database.execute("CREATE TABLE t (v ANY) STRICT")
    try database.run("INSERT INTO t VALUES (?)", value)
    #expect(try database.rows("SELECT v FROM t") == [[value]])
  }

  @Test func textIsKeptByteForByte() throws {
    let database = try Connection()
    let decomposed = "e\u{301}"
    let bytes = try #require(try database.value("SELECT CAST(? AS BLOB)", decomposed))
    #expect(bytes == .blob(Array(decomposed.utf8)))
  }

  @Test func typesOfTheLanguageBecomeStorageClasses() {
    #expect(7.value == .integer(7))
    #expect(Int32(-7).value == .integer(-7))
    #expect(UInt32.max.value == .integer(4_294_967_295))
    #expect(true.value == .integer(1))
    #expect(false.value == .integer(0))
    #expect(1.5.value == .real(1.5))
    #expect("x".value == .text("x"))
    #expect([UInt8]([1]).value == .blob([1]))
    #expect(Int?.none.value == .null)
    #expect(Int?.some(1).value == .integer(1))
  }
}
