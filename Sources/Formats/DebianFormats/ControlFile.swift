/// A file of paragraphs with fields, as Debian's tools store and print them (deb822(5)).
public enum ControlFile {
  /// The paragraphs, each with the first lines of the wanted fields.
  ///
  /// dpkg's status database has a megabyte, so unwanted lines are not made into strings.
  public static func paragraphs(in text: some Collection<UInt8>, fields: Set<String>) -> [[String: String]] {
    let wanted = fields.map { (name: $0, bytes: Array($0.utf8)) }
    return Array(text).withUnsafeBufferPointer { text in
      var paragraphs: [[String: String]] = []
      var current: [String: String] = [:]
      var start = 0
      while start < text.count {
        var end = start
        while end < text.count, text[end] != newline { end += 1 }
        if end == start {
          if !current.isEmpty { paragraphs.append(current) }
          current = [:]
        } else if let field = wanted.first(where: { isField($0.bytes, at: start, in: text, before: end) }) {
          let value = text[(start + field.bytes.count + 1)..<end].drop { $0 == space }
          current[field.name] = String(decoding: value, as: UTF8.self)
        }
        start = end + 1
      }
      if !current.isEmpty { paragraphs.append(current) }
      return paragraphs
    }
  }

  /// Whether a line begins with the name and a colon.
  private static func isField(
    _ name: [UInt8], at start: Int, in text: UnsafeBufferPointer<UInt8>, before end: Int
  ) -> Bool {
    guard start + name.count < end, text[start + name.count] == colon else { return false }
    return name.indices.allSatisfy { text[start + $0] == name[$0] }
  }

  private static let newline = UInt8(ascii: "\n")
  private static let colon = UInt8(ascii: ":")
  private static let space = UInt8(ascii: " ")
}
