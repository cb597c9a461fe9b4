/// The text of a TOML file with the place up to which it was read.
struct TOMLText {
  private let bytes: [UInt8]
  private(set) var index = 0
  private(set) var line = 1
  private(set) var column = 1

  init(_ text: String) {
    bytes = Array(text.utf8)
    if bytes.starts(with: [0xef, 0xbb, 0xbf]) { index = 3 }
  }

  /// The next byte; nil at the end.
  var next: UInt8? { index < bytes.count ? bytes[index] : nil }

  var isAtEnd: Bool { index == bytes.count }

  /// Whether these bytes come next.
  func continues(with expected: String) -> Bool { bytes[index...].starts(with: expected.utf8) }

  /// Whether a line ends here: with a newline, or with the two bytes of DOS.
  var isAtLineEnd: Bool { next == UInt8(ascii: "\n") || continues(with: "\r\n") }

  /// Goes on by some bytes, which do not go beyond the end.
  mutating func advance(_ count: Int = 1) {
    for byte in bytes[index..<min(index + count, bytes.count)] {
      if byte == UInt8(ascii: "\n") {
        (line, column) = (line + 1, 1)
      } else if byte & 0xc0 != 0x80 {
        // Not one that continues a character (RFC 3629).
        column += 1
      }
    }
    index = min(index + count, bytes.count)
  }

  /// Goes on if these bytes come next.
  mutating func take(_ expected: String) -> Bool {
    guard continues(with: expected) else { return false }
    advance(expected.utf8.count)
    return true
  }

  /// Goes on while the bytes fit, and returns them.
  mutating func take(while fits: (UInt8) -> Bool) -> [UInt8] {
    let start = index
    while let next, fits(next) { advance() }
    return Array(bytes[start..<index])
  }

  /// Goes on beyond blanks.
  mutating func skipBlanks() { _ = take { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") } }

  /// An error at this place.
  func error(_ reason: String) -> TOMLError { TOMLError(line: line, column: column, reason: reason) }
}
