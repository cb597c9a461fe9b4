/// A key or a heading in a file of settings.
public struct SettingEntry: Sendable {
  /// What stands there.
  public enum Content: Sendable {
    /// The heading of a table.
    case heading
    /// A value; nil for one of a kind that no setting has.
    case value(SettingValue?)
  }

  /// The name, with those of the tables it is in, and dots between them.
  public let name: String
  /// What stands there.
  public let content: Content
  /// The line its statement begins on.
  public let line: Int
  /// The column, likewise.
  public let column: Int

  /// An entry at this place.
  public init(_ path: [String], _ content: Content, line: Int, column: Int) {
    name = path.joined(separator: ".")
    (self.content, self.line, self.column) = (content, line, column)
  }
}
