/// What a system says about itself in /usr/lib/os-release (os-release(5)).
public struct OSRelease: Hashable, Sendable {
  private let values: [String: String]

  /// Reads the file. Lines that assign nothing are skipped; of repeated keys the last one counts.
  public init(_ content: some Sequence<UInt8>) {
    var values: [String: String] = [:]
    for line in content.split(separator: UInt8(ascii: "\n")) {
      let text = String(decoding: line, as: UTF8.self).drop(while: \.isWhitespace)
      guard !text.hasPrefix("#"), let equals = text.firstIndex(of: "=") else { continue }
      values[String(text[..<equals])] = Self.unquoted(text[text.index(after: equals)...])
    }
    self.values = values
  }

  /// The value of a key, such as `VERSION_ID`; nil if the file has none.
  public subscript(key: String) -> String? { values[key] }

  /// The name of the system for people: `Debian GNU/Linux 13 (trixie)`. Empty if the file has none.
  public var prettyName: String { values["PRETTY_NAME"] ?? "" }

  /// The value as a shell reads it: between double quotes a backslash escapes `$`, `"`, `\` and a backquote, between single
  /// quotes nothing, and elsewhere any character.
  private static func unquoted(_ text: Substring) -> String {
    var value = ""
    var quote: Character?
    var rest = text
    while rest.last?.isWhitespace == true { rest.removeLast() }
    while let character = rest.popFirst() {
      if character == quote {
        quote = nil
      } else if quote == nil, character == "\"" || character == "'" {
        quote = character
      } else if character == "\\", quote != "'", let next = rest.first, quote == nil || "$\"\\`".contains(next) {
        value.append(rest.removeFirst())
      } else {
        value.append(character)
      }
    }
    return value
  }
}
