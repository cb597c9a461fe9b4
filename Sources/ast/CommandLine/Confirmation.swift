import Glibc
import Host
import SystemPackage

/// Asks before something that cannot be undone.
enum Confirmation {
  /// Whether the user agrees: `-y` does; on a terminal they are asked; elsewhere nobody can be.
  ///
  /// - Throws: `AstError` (usage) when there is nobody to ask.
  static func given(_ question: String, _ options: GlobalOptions) throws -> Bool {
    if options.yes { return true }
    guard isatty(STDIN_FILENO) == 1, isatty(STDERR_FILENO) == 1, !options.json else {
      throw AstError(
        .usage, "this needs a yes, and there is no terminal to ask on", state: .unchanged, hint: "say `-y`")
    }
    _ = try FileDescriptor.standardError.writeAll("\(question) [y/N] ".utf8)
    return ["y", "yes"].contains(readLine()?.lowercased())
  }

  /// Whether the user agrees to something that can be undone: whoever is at a terminal is asked, all others have
  /// agreed by what they typed.
  static func agreed(_ question: String, _ options: GlobalOptions) throws -> Bool {
    guard isAsked(options) else { return true }
    _ = try FileDescriptor.standardError.writeAll("\(question) [Y/n] ".utf8)
    return readLine().map { ["", "y", "yes"].contains($0.lowercased()) } ?? false
  }

  /// Whether there is somebody to ask who has not agreed yet.
  static func isAsked(_ options: GlobalOptions) -> Bool {
    !options.yes && !options.json && isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1
  }
}
