internal import Settings
internal import TOMLKit

/// The entries of a TOML file with their places.
///
/// TOMLKit reports the place of an error, but not of a key. So a file that it has accepted is divided into statements,
/// and the parser reads each of them by itself: a statement begins on a new line, and ends with the first line up to
/// which it can be parsed, because an unfinished one has open brackets or quotes.
struct SettingEntries {
  /// The keys and headings in their order.
  private(set) var entries: [SettingEntry] = []
  private var table: [String] = []

  /// Reads a text.
  ///
  /// - Throws: `TOMLParseError`.
  init(_ text: String) throws {
    _ = try TOMLTable(string: text)
    var statement = ""
    var start = 1
    // By bytes: to Swift, the two that end a line of DOS are one character, which is not a newline.
    for (index, line) in text.utf8.split(separator: 0x0a, omittingEmptySubsequences: false).enumerated() {
      if statement.isEmpty { start = index + 1 }
      statement += String(decoding: line, as: UTF8.self) + "\n"
      guard let content = try? TOMLTable(string: statement) else { continue }
      add(content, of: statement, line: start)
      statement = ""
    }
  }

  private mutating func add(_ content: TOMLTable, of statement: String, line: Int) {
    let indent = statement.utf8.prefix { $0 == 0x20 || $0 == 0x09 }.count
    guard statement.utf8.dropFirst(indent).first == UInt8(ascii: "[") else {
      add(content, below: table, line: line, column: indent + 1)
      return
    }
    table = Self.heading(content)
    entries.append(SettingEntry(table, .heading, line: line, column: indent + 1))
  }

  private mutating func add(_ content: TOMLTable, below path: [String], line: Int, column: Int) {
    for key in content.keys {
      guard let value = content[key]?.tomlValue else { continue }
      if let inner = value.table {
        add(inner, below: path + [key], line: line, column: column)
      } else {
        entries.append(SettingEntry(path + [key], .value(SettingValue(value)), line: line, column: column))
      }
    }
  }

  /// The names in the heading of a table, or of an array of tables.
  private static func heading(_ content: TOMLTable) -> [String] {
    guard let key = content.keys.first else { return [] }
    return [key] + (content[key]?.table.map(heading) ?? [])
  }
}

extension SettingValue {
  fileprivate init?(_ found: TOMLValue) {
    switch found.type {
    case .bool: self = .flag(found.bool ?? false)
    case .int: self = .number(found.int ?? 0)
    case .string: self = .text(found.string ?? "")
    case .array:
      guard let array = found.array else { return nil }
      let (numbers, words) = (array.compactMap(\.int), array.compactMap(\.string))
      guard [numbers.count, words.count].contains(array.count) else { return nil }
      self = words.isEmpty ? .numbers(numbers) : .words(words)
    default: return nil
    }
  }
}
