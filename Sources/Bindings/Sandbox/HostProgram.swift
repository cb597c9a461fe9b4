import CSandbox
import Glibc
public import SystemPackage

/// A running program of the host, outside any sandbox. It ends with everything that it has started when this process
/// ends, killed or not.
public struct HostProgram: Sendable {
  private let guardian: pid_t
  /// Readable when the program has ended.
  public let channel: FileDescriptor

  /// Starts a program: a path, or a name that is looked up in `PATH`, with its arguments.
  ///
  /// - Parameters:
  ///   - streams: its standard input, output and error.
  ///   - hasOwnSession: whether it has a session of its own; otherwise it shares the terminal with this process.
  public init(
    _ command: [String], on streams: (FileDescriptor, FileDescriptor, FileDescriptor), hasOwnSession: Bool
  ) throws(Errno) {
    let strings = CStrings()
    defer { withExtendedLifetime(strings) {} }
    var program = sandbox_host_program()
    program.arguments = UnsafePointer(strings.list(command))
    program.streams = (streams.0.rawValue, streams.1.rawValue, streams.2.rawValue)
    program.own_session = hasOwnSession ? 1 : 0
    var channel: Int32 = -1
    guardian = sandbox_host_program_start(&program, &channel)
    guard guardian >= 0 else { throw Errno(rawValue: errno) }
    self.channel = FileDescriptor(rawValue: channel)
  }

  /// Asks it to end: by SIGTERM, and with all that it has started by SIGKILL two seconds later.
  public func terminate() { sandbox_host_program_end(channel.rawValue) }

  /// Waits for its end. Call it once.
  ///
  /// - Throws: `Errno` if it could not be started.
  public func end() throws(Errno) -> ProgramEnd {
    var status: Int32 = 0
    let result = sandbox_host_program_read(channel.rawValue, &status)
    let error = Errno(rawValue: errno)
    try? channel.close()
    while waitpid(guardian, nil, 0) < 0, errno == EINTR {}
    guard result == 0 else { throw error }
    return ProgramEnd(waitStatus: status)
  }
}
