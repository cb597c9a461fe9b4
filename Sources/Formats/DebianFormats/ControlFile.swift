/// A file of paragraphs with fields, as Debian's tools store and print them (deb822(5)).
public enum ControlFile {
  /// The paragraphs, each with the values of the wanted fields. The lines of a longer value are separated by newlines; names are compared without regard to case, and comments are skipped.
  ///
  /// dpkg's status database has a megabyte, so other lines are not made into strings.
  public static func paragraphs(in text: some Collection<UInt8>, fields: Set<String>) -> [[String: String]] {
    let wanted = fields.map { (name: $0, bytes: $0.utf8.map(lowercase)) }
    return Array(text).withUnsafeBufferPointer { text in
      var paragraphs: [[String: String]] = []
      var current: [String: String] = [:]
      var open: String?
      var start = 0
      while start < text.count {
        var end = start
        while end < text.count, text[end] != newline { end += 1 }
        defer { start = end + 1 }
        if end == start {
          if !current.isEmpty { paragraphs.append(current) }
          (current, open) = ([:], nil)
        } else if text[start] == space || text[start] == tab {
          if let open { current[open]?.append("\n" + value(text[start..<end])) }
        } else if text[start] != comment {
          let field = wanted.first { isField($0.bytes, at: start, in: text, before: end) }
          if let field { current[field.name] = value(text[(start + field.bytes.count + 1)..<end]) }
          open = field?.name
        }
      }
      if !current.isEmpty { paragraphs.append(current) }
      return paragraphs
    }
  }

  /// Whether a line begins with the name, given in lower case, and a colon.
  private static func isField(
    _ name: [UInt8], at start: Int, in text: UnsafeBufferPointer<UInt8>, before end: Int
  ) -> Bool {
    guard start + name.count < end, text[start + name.count] == colon else { return false }
    return name.indices.allSatisfy { lowercase(text[start + $0]) == name[$0] }
  }

  /// The text of a line or a part of one, without the blanks before it.
  private static func value(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> String {
    String(decoding: bytes.drop { $0 == space || $0 == tab }, as: UTF8.self)
  }

  private static func lowercase(_ byte: UInt8) -> UInt8 {
    (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
  }

  private static let newline = UInt8(ascii: "\n")
  private static let colon = UInt8(ascii: ":")
  private static let comment = UInt8(ascii: "#")
  private static let space = UInt8(ascii: " ")
  private static let tab = UInt8(ascii: "\t")
}
