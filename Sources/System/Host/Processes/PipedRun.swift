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
    guard let end = try run(command, within: nil, output: output, error: error) else {
      throw AstError(.failed, "the sandbox ended without a result")
    }
    return end
  }

  /// The same with a limit to the time.
  ///
  /// - Returns: nil if the program was ended because its time was over.
  package func run(
    _ command: [String], within limit: Duration?, output: ([UInt8]) -> Void, error: ([UInt8]) -> Void
  ) throws -> ProgramEnd? {
    let nothing = try Files.attempt("open", "/dev/null") {
      try FileDescriptor.open("/dev/null", .readOnly, options: .closeOnExec)
    }
    defer { try? nothing.close() }
    let (outputEnd, outputStart) = try makePipe()
    defer { try? outputEnd.close() }
    let (errorEnd, errorStart) = try makePipe()
    defer { try? errorEnd.close() }
    let cancellation = try makeCancellation()
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
    let reason = relay([outputEnd, errorEnd], cancellation, until: limit.map { .now + $0 }) { index, piece in
      index == 0 ? output(piece) : error(piece)
    }
    done.wait()
    if case .success(let result) = outcome.withLock({ $0 }) { ReachedLimits.note(result.reachedLimits, of: limits) }
    switch reason {
    case .signal(let signal): throw AstError.interrupted(by: signal)
    case .timeIsOver: return nil
    case nil: break
    }
    guard let result = outcome.withLock({ $0 }) else {
      throw AstError(.failed, "the sandbox ended without a result")
    }
    return try result.get().end
  }
}

/// Why a run was cancelled.
private enum CancelReason {
  case signal(Int32)
  case timeIsOver
}

/// Reads pipes until all of them have ended. A stop signal cancels the run, and so does the end of its time; its end then
/// ends the pipes.
///
/// - Returns: why it was cancelled.
private func relay(
  _ pipes: [FileDescriptor], _ cancellation: Cancellation, until deadline: ContinuousClock.Instant?,
  receive: (Int, [UInt8]) -> Void
) -> CancelReason? {
  // poll(2) skips a negative descriptor.
  var polled = pipes.map { pollfd(fd: $0.rawValue, events: Int16(POLLIN), revents: 0) }
  var reason: CancelReason?
  var buffer = [UInt8](repeating: 0, count: 1 << 16)
  while polled.contains(where: { $0.fd >= 0 }) {
    // Long enough to cost nothing, short enough for a user who waits after Control-C.
    let ready = poll(&polled, nfds_t(polled.count), 100)
    if reason == nil {
      reason = Interruption.pending.map { .signal($0) }
      if let deadline, ContinuousClock.now > deadline { reason = reason ?? .timeIsOver }
      if reason != nil { cancellation.cancel() }
    }
    for index in polled.indices where ready > 0 && polled[index].fd >= 0 && polled[index].revents != 0 {
      let count = (try? buffer.withUnsafeMutableBytes { try pipes[index].read(into: $0) }) ?? 0
      if count == 0 { polled[index].fd = -1 } else { receive(index, Array(buffer[..<count])) }
    }
  }
  return reason
}

private func makeCancellation() throws -> Cancellation {
  do {
    return try Cancellation()
  } catch {
    throw AstError(.failed, "cannot make a descriptor to end the sandbox with: \(error)")
  }
}

/// Makes a pipe that programs do not inherit. The sandbox closes all descriptors except the standard ones, so it does not
/// matter that the flag is set a moment later.
package func makePipe() throws -> (end: FileDescriptor, start: FileDescriptor) {
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
