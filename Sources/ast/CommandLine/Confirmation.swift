import Glibc
import Host
import SystemPackage

/// Asks the user for confirmation.
enum Confirmation {
  /// The error after the answer no, which is the same for every question.
  static var refusal: AstError { .notConfirmed }

  /// Whether the user agrees to something that cannot be undone: by `-y`, or when asked on a terminal.
  ///
  /// - Throws: `AstError` (needs-answer) if there is neither `-y` nor a terminal.
  static func given(_ question: String, _ options: GlobalOptions) throws -> Bool {
    if options.yes { return true }
    guard isatty(STDIN_FILENO) == 1, isatty(STDERR_FILENO) == 1, !options.json else {
      throw AstError(
        .needsAnswer, "this needs confirmation, and there is no terminal", state: .unchanged, hint: "use `-y`")
    }
    _ = try FileDescriptor.standardError.writeAll("\(question) [y/N] ".utf8)
    return Answer.read() == .yes
  }

  /// Whether the user agrees to something that can be undone: a user on a terminal is asked; without a terminal, the
  /// command itself counts as agreement.
  static func agreed(_ question: String, _ options: GlobalOptions) throws -> Bool {
    guard isAsked(options) else { return true }
    _ = try FileDescriptor.standardError.writeAll("\(question) [Y/n] ".utf8)
    return [.yes, .empty].contains(Answer.read())
  }

  /// Whether there is a terminal to ask on, and the user has not agreed yet.
  static func isAsked(_ options: GlobalOptions) -> Bool {
    !options.yes && !options.json && isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1
  }
}
