internal import Settings

/// The entries of a TOML file with the places of their statements.
struct SettingEntries {
  /// The keys and headings in their order.
  private(set) var entries: [SettingEntry] = []

  /// Reads a text.
  init(_ text: String) throws(TOMLError) {
    var table: [String] = []
    for statement in try TOMLFile(text).statements {
      switch statement.content {
      case .heading(let path, _):
        table = path
        entries.append(SettingEntry(path, .heading, line: statement.line, column: statement.column))
      case .entry(let entry): add(entry, below: table, at: statement)
      }
    }
  }

  private mutating func add(_ entry: TOMLEntry, below table: [String], at statement: TOMLStatement) {
    let path = table + entry.path
    if case .table(let inner) = entry.value {
      for entry in inner { add(entry, below: path, at: statement) }
    } else {
      entries.append(
        SettingEntry(path, .value(SettingValue(entry.value)), line: statement.line, column: statement.column))
    }
  }
}

extension SettingValue {
  fileprivate init?(_ found: TOMLValue) {
    switch found {
    case .flag(let flag): self = .flag(flag)
    case .number(let number): self = .number(number)
    case .text(let text): self = .text(text)
    case .array(let array):
      let numbers = array.compactMap { if case .number(let number) = $0 { number } else { nil } }
      let words = array.compactMap { if case .text(let text) = $0 { text } else { nil } }
      guard [numbers.count, words.count].contains(array.count) else { return nil }
      self = words.isEmpty ? .numbers(numbers) : .words(words)
    case .fraction, .moment, .table: return nil
    }
  }
}
