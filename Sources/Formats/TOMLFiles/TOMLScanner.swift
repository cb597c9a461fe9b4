/// Reads TOML 1.0 (https://toml.io/en/v1.0.0) statement by statement.
///
/// The files come from nodes, too: no text makes it trap, it takes time in proportion to the length of the text, and
/// what is nested deeper than `deepest` is an error.
struct TOMLScanner {
  /// Values in values, and the names in a key. Settings need two.
  static let deepest = 64

  private var text: TOMLText
  /// Where the value of the last key is, without the blanks before it; nil after a heading. In bytes.
  private(set) var lastValue: Range<Int>?

  init(_ text: String) { self.text = TOMLText(text) }

  /// The next statement; nil at the end.
  mutating func statement() throws(TOMLError) -> TOMLStatement? {
    try skipLines()
    if text.isAtEnd { return nil }
    let (line, column) = (text.line, text.column)
    lastValue = nil
    let content = try text.next == UInt8(ascii: "[") ? heading() : TOMLStatement.Content.entry(entry(depth: 0))
    text.skipBlanks()
    try skipComment()
    guard text.isAtEnd || text.isAtLineEnd else { throw text.error("the line should end here") }
    return TOMLStatement(content: content, line: line, column: column)
  }

  /// How far the text was read, in bytes: after a statement, up to the end of its last line.
  var place: Int { text.index }

  // MARK: Statements

  private mutating func heading() throws(TOMLError) -> TOMLStatement.Content {
    let end = text.continues(with: "[[") ? "]]" : "]"
    text.advance(end.utf8.count)
    let path = try key()
    guard text.take(end) else { throw text.error("the heading should end with \(end)") }
    return .heading(path, isElement: end == "]]")
  }

  private mutating func entry(depth: Int) throws(TOMLError) -> TOMLEntry {
    let path = try key()
    guard text.take("=") else { throw text.error("a key needs = and a value") }
    text.skipBlanks()
    let start = text.index
    let value = try value(depth: depth)
    // Those of an inline table are before the end of it.
    lastValue = start..<text.index
    return TOMLEntry(path: path, value: value)
  }

  /// Names with dots between them, and blanks around them.
  private mutating func key() throws(TOMLError) -> [String] {
    var path: [String] = []
    repeat {
      text.skipBlanks()
      guard path.count < Self.deepest else { throw text.error("a key has more than \(Self.deepest) names") }
      path.append(try name())
      text.skipBlanks()
    } while text.take(".")
    return path
  }

  private mutating func name() throws(TOMLError) -> String {
    switch text.next {
    case UInt8(ascii: "\""): return try quoted("\"", hasEscapes: true)
    case UInt8(ascii: "'"): return try quoted("'", hasEscapes: false)
    default:
      let name = text.take(while: Self.isOfName)
      guard !name.isEmpty else { throw text.error("a key should stand here") }
      return String(decoding: name, as: UTF8.self)
    }
  }

  private static func isOfName(_ byte: UInt8) -> Bool {
    isDigit(byte) || isLetter(byte) || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
  }

  static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
  static func isLetter(_ byte: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) }

  // MARK: Between statements

  /// Empty lines and comments.
  private mutating func skipLines() throws(TOMLError) {
    while true {
      text.skipBlanks()
      try skipComment()
      guard text.isAtLineEnd else { return }
      _ = text.take("\r")
      text.advance()
    }
  }

  private mutating func skipComment() throws(TOMLError) {
    guard text.next == UInt8(ascii: "#") else { return }
    while !text.isAtEnd, !text.isAtLineEnd { try skipCharacter() }
  }

  /// Takes one byte of a text, which must not be a control character other than a tab.
  private mutating func skipCharacter() throws(TOMLError) {
    guard let byte = text.next, byte >= 0x20 && byte != 0x7f || byte == UInt8(ascii: "\t") else {
      throw text.error("a control character cannot stand here")
    }
    text.advance()
  }

  // MARK: Values

  private mutating func value(depth: Int) throws(TOMLError) -> TOMLValue {
    guard depth < Self.deepest else { throw text.error("values are nested more than \(Self.deepest) deep") }
    switch text.next {
    case UInt8(ascii: "\""):
      return .text(try text.take("\"\"\"") ? block("\"\"\"", hasEscapes: true) : quoted("\"", hasEscapes: true))
    case UInt8(ascii: "'"):
      return .text(try text.take("'''") ? block("'''", hasEscapes: false) : quoted("'", hasEscapes: false))
    case UInt8(ascii: "["): return .array(try array(depth: depth))
    case UInt8(ascii: "{"): return .table(try table(depth: depth))
    default: return try plain()
    }
  }

  private mutating func array(depth: Int) throws(TOMLError) -> [TOMLValue] {
    text.advance()
    var values: [TOMLValue] = []
    while true {
      try skipLines()
      if text.take("]") { return values }
      values.append(try value(depth: depth + 1))
      try skipLines()
      if text.take(",") { continue }
      guard text.take("]") else { throw text.error("an array needs , or ] here") }
      return values
    }
  }

  /// An inline table stands on one line.
  private mutating func table(depth: Int) throws(TOMLError) -> [TOMLEntry] {
    text.advance()
    var entries: [TOMLEntry] = []
    text.skipBlanks()
    if text.take("}") { return entries }
    let tree = TOMLNames()
    while true {
      text.skipBlanks()
      let place = text
      let entry = try entry(depth: depth + 1)
      guard tree.define(entry) else { throw place.error("\(entry.path.joined(separator: ".")) is there already") }
      entries.append(entry)
      text.skipBlanks()
      if text.take(",") { continue }
      guard text.take("}") else { throw text.error("a table needs , or } here") }
      return entries
    }
  }

  /// A value that is not quoted: `true`, a number, a date.
  private mutating func plain() throws(TOMLError) -> TOMLValue {
    let place = text
    var word = text.take(while: Self.isOfPlainValue)
    // A date and a time may have a space between them (RFC 3339).
    if TOMLMoment.isDate(word), text.next == UInt8(ascii: " ") {
      var rest = text
      rest.advance()
      let time = rest.take(while: Self.isOfPlainValue)
      if TOMLMoment.isTime(time) { (word, text) = (word + [UInt8(ascii: "T")] + time, rest) }
    }
    guard !word.isEmpty else { throw place.error("a value should stand here") }
    guard let value = TOMLWord.value(of: word) else {
      throw place.error("“\(String(decoding: word.prefix(40), as: UTF8.self))” is not a value")
    }
    return value
  }

  private static func isOfPlainValue(_ byte: UInt8) -> Bool { isOfName(byte) || "+.:".utf8.contains(byte) }

  // MARK: Text

  /// A text on one line; its first quote is next.
  private mutating func quoted(_ quote: String, hasEscapes: Bool) throws(TOMLError) -> String {
    text.advance()
    var content: [UInt8] = []
    while !text.take(quote) {
      guard !text.isAtEnd, !text.isAtLineEnd else { throw text.error("a text should end with \(quote)") }
      if hasEscapes, text.take("\\") {
        content += try escaped()
      } else {
        content += try character()
      }
    }
    return String(decoding: content, as: UTF8.self)
  }

  /// A text of several lines, after its first quotes. A newline that comes at once is not part of it.
  private mutating func block(_ quotes: String, hasEscapes: Bool) throws(TOMLError) -> String {
    _ = text.take("\n") || text.take("\r\n")
    var content: [UInt8] = []
    while true {
      if text.take(quotes) {
        // Up to two quotes may stand before the last three.
        for _ in 0..<2 where text.take(String(quotes.prefix(1))) { content.append(contentsOf: quotes.utf8.prefix(1)) }
        return String(decoding: content, as: UTF8.self)
      }
      guard !text.isAtEnd else { throw text.error("a text should end with \(quotes)") }
      if text.isAtLineEnd {
        _ = text.take("\r")
        text.advance()
        content.append(UInt8(ascii: "\n"))
      } else if hasEscapes, text.take("\\") {
        if try !skipLineBreak() { content += try escaped() }
      } else {
        content += try character()
      }
    }
  }

  /// After a backslash at the end of a line: takes all blanks and newlines before the next character.
  private mutating func skipLineBreak() throws(TOMLError) -> Bool {
    var rest = text
    rest.skipBlanks()
    guard rest.isAtLineEnd else { return false }
    while rest.isAtLineEnd {
      _ = rest.take("\r")
      rest.advance()
      rest.skipBlanks()
    }
    text = rest
    return true
  }

  private mutating func character() throws(TOMLError) -> [UInt8] {
    let byte = text.next
    try skipCharacter()
    return byte.map { [$0] } ?? []
  }

  private mutating func escaped() throws(TOMLError) -> [UInt8] {
    let place = text
    let letter = text.next
    text.advance()
    switch letter {
    case UInt8(ascii: "b"): return [0x08]
    case UInt8(ascii: "t"): return [0x09]
    case UInt8(ascii: "n"): return [0x0a]
    case UInt8(ascii: "f"): return [0x0c]
    case UInt8(ascii: "r"): return [0x0d]
    case UInt8(ascii: "\""): return [0x22]
    case UInt8(ascii: "\\"): return [0x5c]
    case UInt8(ascii: "u"): return try scalar(digits: 4, at: place)
    case UInt8(ascii: "U"): return try scalar(digits: 8, at: place)
    default: throw place.error("a backslash should be followed by one of b t n f r \" \\ u U")
    }
  }

  private mutating func scalar(digits count: Int, at place: TOMLText) throws(TOMLError) -> [UInt8] {
    var digits: [UInt8] = []
    while digits.count < count, let byte = text.next, Self.isHexadecimal(byte) {
      digits.append(byte)
      text.advance()
    }
    guard digits.count == count, let number = UInt32(String(decoding: digits, as: UTF8.self), radix: 16),
      let scalar = Unicode.Scalar(number)
    else { throw place.error("\\u needs four digits, and \\U eight, of a character") }
    return Array(String(scalar).utf8)
  }

  private static func isHexadecimal(_ byte: UInt8) -> Bool {
    isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte | 0x20)
  }
}
