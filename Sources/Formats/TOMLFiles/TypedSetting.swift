public import Settings

extension SettingKey {
  /// The value that a user means by a text on a command line: a value as in the file, or without its quotes and brackets.
  /// Words are separated by blanks then.
  ///
  /// - Returns: a value that the setting can have, or else the one that is the best to object to.
  public func value(typed text: String) -> SettingValue {
    let written = Self.written(text).map(reading)
    let words = text.split(whereSeparator: \.isWhitespace).map(String.init)
    let meanings = [written, .text(text), .words(words)].compactMap(\.self)
    let plain = meanings[meanings.count - 1]
    return meanings.first { objection(to: $0) == nil } ?? written ?? plain
  }

  /// A value as it is written in a file; nil if the text is anything else.
  private static func written(_ text: String) -> SettingValue? {
    guard !text.contains(where: \.isNewline), let entries = try? SettingEntries("value = \(text)").entries,
      entries.count == 1, case .value(let value) = entries[0].content, entries[0].name == "value"
    else { return nil }
    return value
  }
}
