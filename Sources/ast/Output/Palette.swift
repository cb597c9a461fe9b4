import FoundationEssentials
import Glibc

/// Colours, where they are seen: on a terminal that has some, unless the user wants none (no-color.org). Elsewhere text
/// stays as it is.
struct Palette {
  /// For what goes to standard output.
  static let results = Palette(on: STDOUT_FILENO)
  /// For what goes to standard error.
  static let messages = Palette(on: STDERR_FILENO)

  private let hasColours: Bool

  private init(on descriptor: Int32) {
    let variables = ProcessInfo.processInfo.environment
    let terminal = variables["TERM"] ?? ""
    hasColours = isatty(descriptor) == 1 && (variables["NO_COLOR"] ?? "").isEmpty && !["", "dumb"].contains(terminal)
  }

  /// What the eye is to find first.
  func strong(_ text: String) -> String { drawn(text, "1") }
  /// What has failed, or goes away.
  func bad(_ text: String) -> String { drawn(text, "31") }
  /// What somebody may have to look after.
  func doubtful(_ text: String) -> String { drawn(text, "33") }

  /// Each line by itself: a pager may show any of them alone.
  private func drawn(_ text: String, _ attribute: String) -> String {
    guard hasColours else { return text }
    return text.split(separator: "\n", omittingEmptySubsequences: false)
      .map { $0.isEmpty ? "" : "\u{1B}[\(attribute)m\($0)\u{1B}[0m" }.joined(separator: "\n")
  }
}
