import Host

/// The description that a user gives a node: text of at most `limit` bytes.
public struct Description: Sendable, Equatable {
  /// The most bytes of UTF-8 a description may have: a few lines of a terminal, far below what a boot menu can show.
  public static let limit = 4096

  /// The text, as it was given.
  public let text: String

  /// Takes a description.
  ///
  /// - Throws: `AstError` (usage) if it is too long or contains a NUL character.
  public init(_ text: String) throws {
    guard text.utf8.count <= Description.limit else {
      throw AstError(
        .usage,
        "the description has \(text.utf8.count) bytes; the limit is \(Description.limit)", state: .unchanged)
    }
    guard !text.utf8.contains(0) else { throw AstError(.usage, "the description contains a NUL character") }
    self.text = text
  }
}
