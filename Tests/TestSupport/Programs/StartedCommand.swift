import Glibc
import SystemPackage

/// A command that runs while the test goes on, and can be signalled and waited for.
public final class StartedCommand {
  /// Its process, which is not reaped before `wait()`.
  public let pid: pid_t
  private let argv: [String]
  private let streams: [FileDescriptor]
  private var ended: Int32?

  /// Starts a program as ``run(_:environment:input:in:)`` does, without waiting for it.
  ///
  /// - Throws: `Errno` if it cannot be started.
  public init(_ argv: [String], environment: [String: String] = plainEnvironment, input: String = "") throws {
    self.argv = argv
    streams = [try unlinkedFile(), try unlinkedFile(), try unlinkedFile()]
    try streams[0].writeAll(input.utf8)
    try streams[0].seek(offset: 0, from: .start)
    pid = try spawn(argv.map { Array($0.utf8) }, environment, streams)
  }

  deinit {
    if ended == nil {
      kill(pid, SIGKILL)
      waitpid(pid, nil, 0)
    }
    for stream in streams { try? stream.close() }
  }

  /// Sends it a signal; has no effect if the command has ended.
  public func send(_ signal: Int32) { if ended == nil { kill(pid, signal) } }

  /// Whether it is still running.
  public var isRunning: Bool {
    var status: Int32 = 0
    if ended == nil, waitpid(pid, &status, WNOHANG) == pid { ended = status }
    return ended == nil
  }

  /// Whether it has written to standard error.
  public var hasWritten: Bool {
    var status = stat()
    return fstat(streams[2].rawValue, &status) == 0 && status.st_size > 0
  }

  /// Waits for its end.
  ///
  /// - Throws: `CommandFailure` if it does not end within two minutes; it is killed then.
  public func wait() throws -> CommandResult {
    let deadline = ContinuousClock.now + .seconds(120)
    while isRunning {
      guard ContinuousClock.now < deadline else {
        kill(pid, SIGKILL)
        while isRunning { usleep(1000) }
        throw CommandFailure(argv: argv + ["(did not end)"], result: try result())
      }
      usleep(500)
    }
    return try result()
  }

  private func result() throws -> CommandResult {
    let status = ended ?? 0
    let signal = status & 0x7f
    return CommandResult(
      status: signal == 0 ? (status >> 8) & 0xff : nil, signal: signal == 0 ? nil : signal,
      stdout: try wholeText(of: streams[1]), stderr: try wholeText(of: streams[2]))
  }
}

extension TestStore {
  /// Starts `ast` with these arguments on this store, without a terminal.
  public func start(
    _ arguments: [String], input: String = "", environment: [String: String] = [:]
  ) throws -> StartedCommand {
    let variables = self.variables.merging(environment) { $1 }
    return try StartedCommand(
      [AstBinary.path.string] + arguments, environment: plainEnvironment.merging(variables) { $1 }, input: input)
  }
}
