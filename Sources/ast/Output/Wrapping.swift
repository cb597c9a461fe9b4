/// Text in lines of a certain width.
enum Wrapping {
  /// The words in lines of at most `width` columns. A longer word has a line of its own.
  static func lines(_ words: [some StringProtocol], width: Int) -> [String] {
    var lines: [String] = []
    for word in words {
      guard let last = lines.last, last.count + 1 + word.count <= width else {
        lines.append(String(word))
        continue
      }
      lines[lines.count - 1] = "\(last) \(word)"
    }
    return lines
  }
}
