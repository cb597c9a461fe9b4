import AstKit
import Glibc
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
        .usage, "this needs a yes, and there is no terminal to ask on; nothing was changed", hint: "say `-y`")
    }
    _ = try FileDescriptor.standardError.writeAll("\(question) [y/N] ".utf8)
    return ["y", "yes"].contains(readLine()?.lowercased())
  }
}
