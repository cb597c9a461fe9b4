import SystemPackage

/// Standard input, output and error of a program, and with them how signals reach the run.
public enum StandardStreams: Sendable, Hashable {
  /// The caller's own, with everything that belongs to them: SIGINT, SIGTERM, SIGHUP and a hang-up of the terminal interrupt the
  /// run; other signals are passed on; on a terminal the program has job control. One such run at a time.
  case attended

  /// The same, except that the program writes to these descriptors, which the caller closes. Without a terminal only.
  case attendedWriting(output: FileDescriptor, error: FileDescriptor)

  /// Open descriptors, which the caller closes. Signals and terminal are left alone, so any number of such runs may go
  /// on in several threads at once. ``Cancellation`` ends one.
  case given(input: FileDescriptor, output: FileDescriptor, error: FileDescriptor)

  var isAttended: Bool {
    switch self {
    case .attended, .attendedWriting: true
    case .given: false
    }
  }

  var descriptors: (CInt, CInt, CInt) {
    switch self {
    case .attended: (0, 1, 2)
    case .attendedWriting(let output, let error): (0, output.rawValue, error.rawValue)
    case .given(let input, let output, let error): (input.rawValue, output.rawValue, error.rawValue)
    }
  }
}
