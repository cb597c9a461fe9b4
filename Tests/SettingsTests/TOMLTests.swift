import Testing

@testable import TOMLFiles

/// TOML 1.0 (https://toml.io/en/v1.0.0), and the bounds of what is read.
@Suite struct TOMLTests {
  private func value(_ text: String) throws -> TOMLValue {
    let statements = try TOMLFile("a = \(text)").statements
    guard statements.count == 1, case .entry(let entry) = statements[0].content, entry.path == ["a"] else {
      throw TOMLError(line: 0, column: 0, reason: "\(statements)")
    }
    return entry.value
  }

  private func complaint(_ text: String) -> String {
    do throws(TOMLError) {
      return "\(try TOMLFile(text).statements)"
    } catch {
      return "\(error.line):\(error.column) \(error.reason)"
    }
  }

  @Test(
    arguments: [
      ("true", .flag(true)), ("false", .flag(false)),
      ("0", .number(0)), ("+0", .number(0)), ("-17", .number(-17)), ("1_000", .number(1000)),
      ("0xDEAD_beef", .number(0xdead_beef)), ("0o755", .number(0o755)), ("0b101", .number(5)),
      ("9223372036854775807", .number(.max)), ("-9223372036854775808", .number(.min)),
      ("3.0", .fraction(3)), ("-0.5e3", .fraction(-500)), ("1e1_0", .fraction(1e10)),
      ("6.626E-34", .fraction(6.626e-34)),
      ("inf", .fraction(.infinity)), ("-inf", .fraction(-.infinity)),
      ("2026-12-01", .moment("2026-12-01")), ("05:22:29.999", .moment("05:22:29.999")),
      ("2026-12-01T05:22:29Z", .moment("2026-12-01T05:22:29Z")),
      ("2026-12-01 05:22:29-07:00", .moment("2026-12-01T05:22:29-07:00")),
      ("\"\"", .text("")), ("\"a\\tb\\\"\\\\\\u00e4\\U0001F600\"", .text("a\tb\"\\ä😀")), ("'a\\b'", .text("a\\b")),
      ("\"\"\"\n a\n\"b\"\"\\\n\n   c\"\"\"\"\"", .text(" a\n\"b\"\"c\"\"")), ("'''\r\na'b\\\r\n'''", .text("a'b\\\n")),
      ("[]", .array([])), ("[ 1, # one\n\n 'b', ]", .array([.number(1), .text("b")])),
      ("[[1], []]", .array([.array([.number(1)]), .array([])])),
      ("{}", .table([])),
      (
        "{ b = 1, c.d = {} }",
        .table([TOMLEntry(path: ["b"], value: .number(1)), TOMLEntry(path: ["c", "d"], value: .table([]))])
      ),
    ] as [(String, TOMLValue)])
  func values(text: String, expected: TOMLValue) throws { #expect(try value(text) == expected) }

  @Test func statementsHaveTheirPlaces() throws {
    let text = "\u{FEFF}# ä\r\n\r\na.\"b c\" . 'd' = 1 # x\n  [ t . u ]\n\t[[v]]\nä = 1"
    #expect(complaint(text) == "6:1 a key should stand here")
    let statements = try TOMLFile(text.replacing("\nä = 1", with: "")).statements
    #expect(
      statements == [
        TOMLStatement(
          content: .entry(TOMLEntry(path: ["a", "b c", "d"], value: .number(1))), line: 3, column: 1),
        TOMLStatement(content: .heading(["t", "u"], isElement: false), line: 4, column: 3),
        TOMLStatement(content: .heading(["v"], isElement: true), line: 5, column: 2),
      ])
  }

  @Test(arguments: [
    ("a", "1:2 a key needs = and a value"), ("a =", "1:4 a value should stand here"),
    ("a = 1 b = 2", "1:7 the line should end here"), ("= 1", "1:1 a key should stand here"),
    ("a. = 1", "1:4 a key should stand here"), ("a = 01", "1:5 “01” is not a value"),
    ("a = 1__0", "1:5 “1__0” is not a value"),
    ("a = _1", "1:5 “_1” is not a value"), ("a = 1.", "1:5 “1.” is not a value"), ("a = .5", "1:5 “.5” is not a value"),
    ("a = 1e", "1:5 “1e” is not a value"), ("a = 0x", "1:5 “0x” is not a value"),
    ("a = 0x-1", "1:5 “0x-1” is not a value"),
    ("a = +-1", "1:5 “+-1” is not a value"), ("a = True", "1:5 “True” is not a value"),
    ("a = 9223372036854775808", "1:5 “9223372036854775808” is not a value"),
    ("a = 2026-1-01", "1:5 “2026-1-01” is not a value"),
    ("a = \"b", "1:7 a text should end with \""), ("a = 'b\n'", "1:7 a text should end with '"),
    ("a = \"\"\"b\"\"", "1:11 a text should end with \"\"\""),
    ("a = \"\\q\"", "1:7 a backslash should be followed by one of b t n f r \" \\ u U"),
    ("a = \"\\uD800\"", "1:7 \\u needs four digits, and \\U eight, of a character"),
    ("a = \"\\u12\"", "1:7 \\u needs four digits, and \\U eight, of a character"),
    ("a = \"\u{1}\"", "1:6 a control character cannot stand here"),
    ("# \u{7f}", "1:3 a control character cannot stand here"),
    ("a = 1\rb = 2", "1:6 the line should end here"),
    ("a = [1 2]", "1:8 an array needs , or ] here"), ("a = [", "1:6 a value should stand here"),
    ("a = [,]", "1:6 a value should stand here"),
    ("a = {b = 1,}", "1:12 a key should stand here"), ("a = {b = 1\n}", "1:11 a table needs , or } here"),
    ("a = {b = 1, b = 2}", "1:13 b is there already"), ("[a", "1:3 the heading should end with ]"),
    ("[[a]", "1:4 the heading should end with ]]"), ("[]", "1:2 a key should stand here"),
    ("a = 1\na = 2", "2:1 a is there already"), ("a = 1\na.b = 2", "2:1 a.b is there already"),
    ("a.b = 1\na = 2", "2:1 a is there already"), ("a = {}\na.b = 1", "2:1 a.b is there already"),
    ("[a]\n[a]", "2:1 a is there already"), ("a = 1\n[a]", "2:1 a is there already"),
    ("[a]\nb.c = 1\n[a.b]", "3:1 a.b is there already"),
    ("a = []\n[[a]]", "2:1 a is there already"), ("[[a]]\n[a]", "2:1 a is there already"),
    ("[a]\n[[a]]", "2:1 a is there already"),
    ("[a.b]\nc = 1\n[a]\nb.d = 2", "4:1 b.d is there already"),
  ])
  func mistakes(text: String, words: String) { #expect(complaint(text) == words) }

  @Test(arguments: ["[a.b]\n[a]\nc = 1", "[[a]]\nb = 1\n[a.c]\n[[a]]\nb = 1\n[a.c]", "a.b = 1\na.c = 2", ""])
  func whatLooksLikeAMistakeAndIsNone(text: String) throws { _ = try TOMLFile(text) }

  /// Each of these is as deep as it may be, and then deeper by one.
  @Test func depthIsBounded() throws {
    let deepest = TOMLScanner.deepest
    for count in [deepest, deepest + 1, 100_000] {
      let isTooDeep = count > deepest
      let arrays = complaint("a = " + String(repeating: "[", count: count) + String(repeating: "]", count: count))
      #expect(arrays.hasSuffix("values are nested more than 64 deep") == isTooDeep)
      let tables = complaint(
        String(repeating: "a = {", count: count).replacing("{a", with: "{ a") + String(repeating: "}", count: count))
      #expect(tables.hasSuffix("values are nested more than 64 deep") == isTooDeep)
      let names = complaint(Array(repeating: "a", count: count).joined(separator: ".") + " = 1")
      #expect(names.hasSuffix("a key has more than 64 names") == isTooDeep)
      let heading = complaint("[" + Array(repeating: "a", count: count).joined(separator: ".") + "]")
      #expect(heading.hasSuffix("a key has more than 64 names") == isTooDeep)
    }
  }

  /// Every beginning of a text, and every text with one byte replaced, is read or refused: nothing traps.
  @Test func anyTextIsReadOrRefused() {
    let text = """
      # é
      a.'b' = "x\\u00e4\\n" # y
      [t."u"]
      c = [1, 0x2, -3.5e1, { d = 'e', f.g = [true] }, 2026-12-01 05:22:29Z]
      h = \"\"\"
      i\\
        j\"\"\"\"
      [[v]]
      w = inf
      """
    let bytes = Array(text.utf8)
    for end in bytes.indices { _ = complaint(String(decoding: bytes[..<end], as: UTF8.self)) }
    for index in bytes.indices {
      for byte: UInt8 in [0, 0x0a, 0x0d, 0x22, 0x27, 0x2e, 0x3d, 0x5b, 0x5c, 0x5d, 0x7b, 0x7d, 0xff] {
        var changed = bytes
        changed[index] = byte
        _ = complaint(String(decoding: changed, as: UTF8.self))
      }
    }
  }
}
