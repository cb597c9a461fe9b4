public import Settings
public import SystemPackage

/// The text of a file of settings, which is changed key by key: comments and all other lines stay as they are.
public struct SettingsText {
  /// The text.
  public private(set) var bytes: [UInt8]
  private let path: FilePath

  /// The text of a file without faults.
  ///
  /// - Parameter path: names the file in errors.
  public init(_ bytes: some Collection<UInt8>, at path: FilePath) {
    self.bytes = Array(bytes)
    self.path = path
  }

  /// Gives a setting a value: in the place of its old one, or else below the comment with its default, or at the end of
  /// its table.
  public mutating func set(_ key: SettingKey, to value: SettingValue) throws(ConfigurationError) {
    let statements = try statements(about: key)
    if let old = statements.last(where: { $0.name == key.rawValue })?.value {
      bytes.replaceSubrange(old, with: value.toml.utf8)
    } else if let heading = statements.lastIndex(where: { $0.isHeading && $0.name == key.section }) {
      insert("\(key.name) = \(value.toml)", at: place(for: key, behind: heading, statements))
    } else if let sibling = statements.last(where: { $0.path.first == key.section }) {
      insert("\(key.rawValue) = \(value.toml)", at: sibling.lines.upperBound)
    } else {
      insert("\(bytes.isEmpty ? "" : "\n")[\(key.section)]\n\(key.name) = \(value.toml)", at: bytes.count)
    }
  }

  /// Removes a setting, with a comment on the same line, so that the default is in effect.
  public mutating func remove(_ key: SettingKey) throws(ConfigurationError) {
    guard let own = try statements(about: key).last(where: { $0.name == key.rawValue }) else { return }
    bytes.removeSubrange(own.lines)
  }

  /// Inserts lines; where the line before them has no end, it gets one.
  private mutating func insert(_ lines: String, at place: Int) {
    let isOpen = place > 0 && bytes[place - 1] != Self.newline
    bytes.insert(contentsOf: "\(isOpen ? "\n" : "")\(lines)\n".utf8, at: place)
  }

  /// The place for a new key in a table: behind the comment with its default, or else behind the last key.
  private func place(for key: SettingKey, behind heading: Int, _ statements: [Statement]) -> Int {
    let keys = statements[(heading + 1)...].prefix { !$0.isHeading }
    let next = heading + 1 + keys.count
    let limit = next < statements.count ? statements[next].lines.lowerBound : bytes.count
    var start = statements[heading].lines.upperBound
    while start < limit {
      let end = lineEnd(from: start)
      if !keys.contains(where: { $0.lines.contains(start) }), isDefault(of: key, bytes[start..<end]) { return end }
      start = end
    }
    return keys.last?.lines.upperBound ?? statements[heading].lines.upperBound
  }

  /// Whether a line is a comment such as `#policy = "check"`.
  private func isDefault(of key: SettingKey, _ line: ArraySlice<UInt8>) -> Bool {
    func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
    let comment = line.drop(while: isBlank)
    guard comment.first == UInt8(ascii: "#") else { return false }
    let text = comment.dropFirst().drop(while: isBlank)
    return text.starts(with: key.name.utf8)
      && text.dropFirst(key.name.utf8.count).drop(while: isBlank).first == UInt8(ascii: "=")
  }

  /// A heading or a key, with the names of its tables.
  private struct Statement {
    let path: [String]
    let isHeading: Bool
    /// The names with dots between them, as a setting is called.
    var name: String { path.joined(separator: ".") }
    /// Its lines, with the end of the last one.
    let lines: Range<Int>
    /// Its value.
    let value: Range<Int>?
  }

  /// The statements of the file.
  ///
  /// - Throws: `ConfigurationError` if the table of the setting is written on one line, as a value.
  private func statements(about key: SettingKey) throws(ConfigurationError) -> [Statement] {
    do { return try statements(notInTableOf: key) } catch {
      throw .wrong(path, line: error.line, column: error.column, error.reason)
    }
  }

  private func statements(notInTableOf key: SettingKey) throws(TOMLError) -> [Statement] {
    var scanner = TOMLScanner(String(decoding: bytes, as: UTF8.self))
    var statements: [Statement] = []
    var table: [String] = []
    var (line, start) = (1, 0)
    while let statement = try scanner.statement() {
      while line < statement.line { (line, start) = (line + 1, lineEnd(from: start)) }
      let lines = start..<lineEnd(from: scanner.place)
      switch statement.content {
      case .heading(let path, _):
        table = path
        statements.append(Statement(path: path, isHeading: true, lines: lines, value: nil))
      case .entry(let entry):
        if case .table = entry.value, (table + entry.path).first == key.section {
          throw TOMLError(
            line: statement.line, column: statement.column,
            reason: "\(key.section) is a table on one line, which is not changed key by key")
        }
        statements.append(Statement(path: table + entry.path, isHeading: false, lines: lines, value: scanner.lastValue))
      }
    }
    return statements
  }

  /// The end of the line at a place, behind its newline.
  private func lineEnd(from place: Int) -> Int { (bytes[place...].firstIndex(of: Self.newline) ?? bytes.count - 1) + 1 }

  private static let newline = UInt8(ascii: "\n")
}
