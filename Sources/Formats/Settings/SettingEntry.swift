/// A key or a heading in a file of settings.
public struct SettingEntry: Sendable {
  /// The kinds of entry.
  public enum Content: Sendable {
    /// The heading of a table.
    case heading
    /// A value; nil if no setting has a value of its kind.
    case value(SettingValue?)
  }

  /// The name, after the names of its tables, with dots between them.
  public let name: String
  /// Its kind.
  public let content: Content
  /// The line on which its statement begins.
  public let line: Int
  /// The column at which its statement begins.
  public let column: Int

  /// An entry at this place.
  public init(_ path: [String], _ content: Content, line: Int, column: Int) {
    name = path.joined(separator: ".")
    (self.content, self.line, self.column) = (content, line, column)
  }
}
