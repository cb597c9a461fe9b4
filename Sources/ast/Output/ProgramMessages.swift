import Glibc
import Host
import SystemPackage

/// Standard error while the events are on it: what programs write there becomes events.
struct ProgramMessages {
  private let original: FileDescriptor
  private let end: FileDescriptor
  private let thread: QuietThread
  private let places: [Int32]

  /// From here on, a thread reads what is written to these standard descriptors.
  init(at places: [Int32], to events: EventStream) throws {
    let (source, entrance) = try makePipe()
    let (ended, end) = try makePipe()
    self.end = end
    self.places = places
    original = events.file ?? .standardError
    thread = try QuietThread {
      var buffer = [UInt8](repeating: 0, count: 1 << 16)
      var polled = [source, ended].map { pollfd(fd: $0.rawValue, events: Int16(POLLIN), revents: 0) }
      while poll(&polled, nfds_t(polled.count), -1) >= 0 || errno == EINTR {
        guard polled[0].revents != 0 else { break }
        let count = (try? buffer.withUnsafeMutableBytes { try source.read(into: $0) }) ?? 0
        if count == 0 { break }
        events.said(Array(buffer[..<count]), of: nil)
      }
      for descriptor in [source, ended] { try? descriptor.close() }
    }
    for place in places { dup2(entrance.rawValue, place) }
    try entrance.close()
  }

  /// Passes on the rest. A program that has been left behind, and still has the pipe, is not waited for.
  func finish() {
    for place in places { dup2(original.rawValue, place) }
    try? end.close()
    thread.join()
  }
}
