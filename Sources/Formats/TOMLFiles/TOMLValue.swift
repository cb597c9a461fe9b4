/// A value in a TOML file.
enum TOMLValue: Equatable {
  case text(String)
  case number(Int)
  case fraction(Double)
  case flag(Bool)
  /// A date, a time, or both.
  case moment(String)
  case array([TOMLValue])
  /// An inline table, in the order in which it is written.
  case table([TOMLEntry])
}

/// A key with its value. The key is a path: `a.b = 1`.
struct TOMLEntry: Equatable {
  let path: [String]
  let value: TOMLValue
}

/// A statement of a TOML file, and the place at which it begins.
struct TOMLStatement: Equatable {
  enum Content: Equatable {
    /// The heading of a table, or of an element of an array of tables: `[[a]]`.
    case heading([String], isElement: Bool)
    /// A key with its value.
    case entry(TOMLEntry)
  }

  let content: Content
  let line: Int
  let column: Int
}
