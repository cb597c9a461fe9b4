import Glibc
import SystemPackage

/// A pipe in place of an output of ours, for programs that must not notice when its reader goes away: a thread passes
/// on what they write, and goes on reading when nobody wants it any more.
package final class OutputRelay {
  private let entrance: FileDescriptor
  private let end: FileDescriptor
  private let thread: RelayThread

  /// Calls `body` with a descriptor for programs that write to `output`: `output` itself, unless a reader may go away.
  package static func standing<Result>(
    for output: FileDescriptor, _ body: (FileDescriptor) throws -> Result
  ) throws -> Result {
    guard isNeeded(for: output) else { return try body(output) }
    let relay = try OutputRelay(to: output)
    defer { relay.finish() }
    return try body(relay.entrance)
  }

  /// Whether the output is a pipe or a socket.
  private static func isNeeded(for output: FileDescriptor) -> Bool {
    var status = stat()
    guard fstat(output.rawValue, &status) == 0 else { return false }
    return [S_IFIFO, S_IFSOCK].contains(status.st_mode & S_IFMT)
  }

  private init(to output: FileDescriptor) throws {
    let (exit, entrance) = try makePipe()
    self.entrance = entrance
    do {
      let (ended, end) = try makePipe()
      self.end = end
      do {
        thread = try RelayThread(from: exit, to: output, until: ended)
      } catch {
        for descriptor in [ended, end] { try? descriptor.close() }
        throw error
      }
    } catch {
      for descriptor in [exit, entrance] { try? descriptor.close() }
      throw AstError(.failed, "cannot pass on the output of a program: \(error)")
    }
  }

  /// Passes on the rest. A program that has been left behind, and still has the pipe, is not waited for.
  private func finish() {
    try? entrance.close()
    try? end.close()
    thread.join()
  }
}

/// Passes on what comes out of a pipe. All signals are blocked in it: they are for the thread that attends the program.
private final class RelayThread {
  private var thread = pthread_t()

  /// Starts it; it closes `source` and `ended`.
  ///
  /// - Parameter ended: a pipe, which ends when `source` is read to the end of what is in it.
  init(from source: FileDescriptor, to output: FileDescriptor, until ended: FileDescriptor) throws(Errno) {
    let work = Unmanaged.passRetained(RelayWork(source: source, output: output, ended: ended))
    var all = sigset_t()
    var previous = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &previous)
    let error = pthread_create(
      &thread, nil,
      { work in
        work.map { Unmanaged<RelayWork>.fromOpaque($0).takeRetainedValue().run() }
        return nil
      }, work.toOpaque())
    pthread_sigmask(SIG_SETMASK, &previous, nil)
    guard error == 0 else {
      work.release()
      throw Errno(rawValue: error)
    }
  }

  func join() { pthread_join(thread, nil) }
}

private final class RelayWork: Sendable {
  private let source: FileDescriptor
  private let output: FileDescriptor
  private let ended: FileDescriptor

  init(source: FileDescriptor, output: FileDescriptor, ended: FileDescriptor) {
    (self.source, self.output, self.ended) = (source, output, ended)
  }

  func run() {
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    var polled = [source, ended].map { pollfd(fd: $0.rawValue, events: Int16(POLLIN), revents: 0) }
    var isWanted = true
    while poll(&polled, nfds_t(polled.count), -1) >= 0 || errno == EINTR {
      guard polled[0].revents != 0 else { break }
      let count = (try? buffer.withUnsafeMutableBytes { try source.read(into: $0) }) ?? 0
      if count == 0 { break }
      // The reader is gone for good: its end of a pipe cannot come back.
      if isWanted { isWanted = (try? output.writeAll(buffer[..<count])) != nil }
    }
    for descriptor in [source, ended] { try? descriptor.close() }
  }
}
