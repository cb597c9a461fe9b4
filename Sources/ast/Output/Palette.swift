import Glibc

/// Colours on terminals that have them, unless the user does not want any (no-color.org). Otherwise text stays as it is.
struct Palette {
  /// The colours for standard output.
  static let results = Palette(on: STDOUT_FILENO)
  /// The colours for standard error.
  static let messages = Palette(on: STDERR_FILENO)

  private let hasColours: Bool

  private init(on descriptor: Int32) {
    let isUnwanted = getenv("NO_COLOR").map { $0.pointee != 0 } ?? false
    hasColours = isatty(descriptor) == 1 && !isUnwanted && !Terminal.isDumb
  }

  /// Text that the eye should find first.
  func strong(_ text: String) -> String { drawn(text, "1") }
  /// Text about something that has failed, or will be removed.
  func bad(_ text: String) -> String { drawn(text, "31") }
  /// Text that something has more than before.
  func good(_ text: String) -> String { drawn(text, "32") }
  /// Text about something that may need attention.
  func doubtful(_ text: String) -> String { drawn(text, "33") }

  /// Colours each line separately, because a pager may show any of them alone.
  private func drawn(_ text: String, _ attribute: String) -> String {
    guard hasColours else { return text }
    return text.split(separator: "\n", omittingEmptySubsequences: false)
      .map { $0.isEmpty ? "" : "\u{1B}[\(attribute)m\($0)\u{1B}[0m" }.joined(separator: "\n")
  }
}
