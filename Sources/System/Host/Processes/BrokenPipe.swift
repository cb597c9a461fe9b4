import Glibc

/// A pipe of ours that nobody reads any more.
package enum BrokenPipe {
  /// From here on, a write to such a pipe fails (EPIPE); without this call, SIGPIPE ends the process.
  ///
  /// The signal gets a handler and is not ignored: programs inherit only what is ignored (execve(2)), and those that
  /// ast starts must meet SIGPIPE as usual, as in `yes | head`.
  package static func makeWritesFail() {
    Glibc.signal(SIGPIPE) { _ in }
  }
}
