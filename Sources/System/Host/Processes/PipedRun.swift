import Dispatch
import Glibc
import Sandbox
import Synchronization
import SystemPackage

extension Sandbox {
  /// Runs a program without input, and passes its output to `output` and `error`, piece by piece, in this thread. A
  /// stop signal that comes meanwhile ends the program.
  ///
  /// - Throws: `AstError` (interrupted) after a stop signal; `SandboxError` if it cannot be started.
  package func run(
    _ command: [String], output: ([UInt8]) -> Void, error: ([UInt8]) -> Void
  ) throws -> ProgramEnd {
    let nothing = try Files.attempt("open", "/dev/null") {
      try FileDescriptor.open("/dev/null", .readOnly, options: .closeOnExec)
    }
    defer { try? nothing.close() }
    let (outputEnd, outputStart) = try makePipe()
    defer { try? outputEnd.close() }
    let (errorEnd, errorStart) = try makePipe()
    defer { try? errorEnd.close() }
    let cancellation = try Cancellation()
    let outcome = Mutex<Result<SandboxResult, SandboxError>?>(nil)
    let done = DispatchSemaphore(value: 0)
    // A separate queue always gets a thread.
    DispatchQueue(label: "sandbox").async { [self] in
      let streams = StandardStreams.given(input: nothing, output: outputStart, error: errorStart)
      let result = Result { () throws(SandboxError) in try run(command, on: streams, until: cancellation) }
      outcome.withLock { $0 = result }
      try? outputStart.close()
      try? errorStart.close()
      done.signal()
    }
    let interruption = relay([outputEnd, errorEnd], cancellation) { index, piece in
      index == 0 ? output(piece) : error(piece)
    }
    done.wait()
    if let signal = interruption { throw AstError.interrupted(by: signal) }
    guard let result = outcome.withLock({ $0 }) else {
      throw AstError(.failed, "the sandbox ended without a result")
    }
    return try result.get().end
  }
}

/// Reads pipes until all of them have ended. A stop signal cancels the run, whose end then ends the pipes.
///
/// - Returns: the signal.
private func relay(
  _ pipes: [FileDescriptor], _ cancellation: Cancellation, receive: (Int, [UInt8]) -> Void
) -> Int32? {
  // poll(2) skips a negative descriptor.
  var polled = pipes.map { pollfd(fd: $0.rawValue, events: Int16(POLLIN), revents: 0) }
  var interruption: Int32?
  var buffer = [UInt8](repeating: 0, count: 1 << 16)
  while polled.contains(where: { $0.fd >= 0 }) {
    // Long enough to cost nothing, short enough for a user who waits after Control-C.
    let ready = poll(&polled, nfds_t(polled.count), 100)
    if interruption == nil, let signal = Interruption.pending {
      interruption = signal
      cancellation.cancel()
    }
    for index in polled.indices where ready > 0 && polled[index].fd >= 0 && polled[index].revents != 0 {
      let count = (try? buffer.withUnsafeMutableBytes { try pipes[index].read(into: $0) }) ?? 0
      if count == 0 { polled[index].fd = -1 } else { receive(index, Array(buffer[..<count])) }
    }
  }
  return interruption
}

/// Makes a pipe that programs do not inherit. The sandbox closes all descriptors except the standard ones, so it does not
/// matter that the flag is set a moment later.
func makePipe() throws -> (end: FileDescriptor, start: FileDescriptor) {
  do {
    let (end, start) = try FileDescriptor.pipe()
    for descriptor in [end, start] {
      guard fcntl(descriptor.rawValue, F_SETFD, FD_CLOEXEC) == 0 else { throw Errno(rawValue: errno) }
    }
    return (end, start)
  } catch {
    throw AstError(.failed, "cannot make a pipe: \(error)")
  }
}
