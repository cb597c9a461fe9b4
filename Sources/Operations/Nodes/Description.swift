import Host

/// What a user says a node is: text, at most `limit` bytes of it.
public struct Description: Sendable, Equatable {
  /// The most bytes of UTF-8 a description may have: a few lines of a terminal, far below what a boot menu can show.
  public static let limit = 4096

  /// The text, as it was given.
  public let text: String

  /// Takes a description.
  ///
  /// - Throws: `AstError` (usage) when it is too long or has a NUL character.
  public init(_ text: String) throws {
    guard text.utf8.count <= Description.limit else {
      throw AstError(
        .usage,
        "the description has \(text.utf8.count) bytes, and at most \(Description.limit) are kept", state: .unchanged)
    }
    guard !text.utf8.contains(0) else { throw AstError(.usage, "the description has a NUL character in it") }
    self.text = text
  }
}
