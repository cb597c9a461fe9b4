import Glibc
import Synchronization
import SystemPackage

/// A pipe in place of an output of ours: a thread passes on what programs write.
///
/// Programs must not notice when the reader of our pipe goes away: then the thread goes on reading what nobody wants any
/// more. And a program in a node must not get a file of the host that is open for writing: it could change its mode and
/// owner. If that cannot be written, the program's next write fails, and so does the whole.
package final class OutputRelay {
  private let entrance: FileDescriptor
  private let end: FileDescriptor
  private let work: RelayWork
  private let thread: QuietThread

  /// Calls `body` with a descriptor for programs that write to `output`: `output` itself, unless it is a pipe, a socket,
  /// a file or a disk.
  ///
  /// - Throws: `AstError` if a file could not be written.
  package static func standing<Value>(
    for output: FileDescriptor, _ body: (FileDescriptor) throws -> Value
  ) throws -> Value {
    var status = stat()
    let kinds = [S_IFIFO, S_IFSOCK, S_IFREG, S_IFBLK]
    guard fstat(output.rawValue, &status) == 0, case let kind = status.st_mode & S_IFMT, kinds.contains(kind) else {
      return try body(output)
    }
    let relay = try OutputRelay(to: output, isFile: [S_IFREG, S_IFBLK].contains(kind))
    let result = Result { try body(relay.entrance) }
    if let failure = relay.finish() { throw failure }
    return try result.get()
  }

  private init(to output: FileDescriptor, isFile: Bool) throws {
    let (exit, entrance) = try makePipe()
    self.entrance = entrance
    do {
      let (ended, end) = try makePipe()
      self.end = end
      do {
        let work = RelayWork(source: exit, output: output, ended: ended, isFile: isFile)
        self.work = work
        thread = try QuietThread { work.run() }
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
  ///
  /// - Returns: the error if a file could not be written.
  private func finish() -> AstError? {
    try? entrance.close()
    try? end.close()
    thread.join()
    return work.failure
  }
}

/// Passes on what comes out of a pipe.
private final class RelayWork: Sendable {
  private let source: FileDescriptor
  private let output: FileDescriptor
  private let ended: FileDescriptor
  private let isFile: Bool
  private let error = Mutex<Errno?>(nil)

  /// Passes on what comes out of the pipe `source`, and closes it and `ended`, a pipe that ends when `source` is to be
  /// read to the end of what is in it.
  init(source: FileDescriptor, output: FileDescriptor, ended: FileDescriptor, isFile: Bool) {
    (self.source, self.output, self.ended, self.isFile) = (source, output, ended, isFile)
  }

  /// The error that kept a file from being written.
  var failure: AstError? {
    guard let error = error.withLock({ $0 }) else { return nil }
    return AstError(.failed, "cannot write the output of the program: \(error)")
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
      if isWanted { isWanted = pass(on: buffer[..<count]) }
      if isFile, !isWanted { break }
    }
    for descriptor in [source, ended] { try? descriptor.close() }
  }

  private func pass(on bytes: ArraySlice<UInt8>) -> Bool {
    do {
      _ = try output.writeAll(bytes)
      return true
    } catch {
      if isFile { self.error.withLock { $0 = error as? Errno ?? .ioError } }
      return false
    }
  }
}
