/// Makes text from outside safe to print on a terminal.
enum Printable {
  /// `text` in one line: control characters become their Unicode pictures, so that an escape sequence is shown and has no
  /// effect; characters that change the direction of writing become the replacement character.
  static func line(_ text: String) -> String {
    guard text.utf8.contains(where: { $0 < 0x20 || $0 >= 0x7f }) else { return text }
    var line = String.UnicodeScalarView()
    for scalar in text.unicodeScalars { line.append(visible(scalar)) }
    return String(line)
  }

  private static func visible(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
    switch scalar.value {
    case 0..<0x20: Unicode.Scalar(0x2400 + scalar.value) ?? "\u{FFFD}"
    case 0x7f: "\u{2421}"
    case 0x80..<0xa0, 0x2028, 0x2029, 0x202a...0x202e, 0x2066...0x2069: "\u{FFFD}"
    default: scalar
    }
  }
}
