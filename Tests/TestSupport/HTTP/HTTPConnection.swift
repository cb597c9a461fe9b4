import Glibc
import SystemPackage

/// One connection: requests are answered in turn, including pipelined ones.
struct HTTPConnection {
  let socket: Int32
  let site: HTTPSite

  /// Serves until the other end closes the connection, or the server does.
  func serve() {
    defer { site.end(socket) }
    // The head and the body are two writes, and the second one must not be delayed.
    var yes: Int32 = 1
    setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
    var received: [UInt8] = []
    while let head = nextHead(from: &received), let request = HTTPRequest(head: head), answer(request) {}
  }

  private func nextHead(from received: inout [UInt8]) -> [UInt8]? {
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      if let end = received.firstRange(of: "\r\n\r\n".utf8) {
        defer { received.removeSubrange(..<end.upperBound) }
        return Array(received[..<end.lowerBound])
      }
      let count = recv(socket, &buffer, buffer.count, 0)
      guard count > 0 else { return nil }
      received += buffer[..<count]
    }
  }

  /// Returns false if the connection cannot be used any more.
  private func answer(_ request: HTTPRequest) -> Bool {
    let file = try? FileDescriptor.open(
      site.directory.appending(request.path), .readOnly, options: [.closeOnExec, .nonBlocking])
    defer { try? file?.close() }
    let answer = HTTPAnswer(to: request, for: file.flatMap(facts))
    site.record(HTTPExchange(method: request.method, path: request.path, status: answer.status))
    guard send(Array(answer.head.utf8)) else { return false }
    guard let file, request.method == "GET", !answer.content.isEmpty else { return true }
    guard let fault = site.fault(for: request.path) else { return send(answer.content, of: file) }
    let middle = min(answer.content.lowerBound + fault.bytes, answer.content.upperBound)
    guard send(answer.content.lowerBound..<middle, of: file), case .stall = fault else { return false }
    site.stall(socket, at: request.path)
    return send(middle..<answer.content.upperBound, of: file)
  }

  private func facts(of file: FileDescriptor) -> HTTPAnswer.File? {
    var status = stat()
    guard fstat(file.rawValue, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    return HTTPAnswer.File(size: Int(status.st_size), modified: httpDate(status.st_mtim.tv_sec))
  }

  private func send(_ content: Range<Int>, of file: FileDescriptor) -> Bool {
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    var rest = content
    while !rest.isEmpty {
      let count = pread(file.rawValue, &buffer, min(rest.count, buffer.count), rest.lowerBound)
      guard count > 0, send(Array(buffer[..<count])) else { return false }
      rest = rest.lowerBound + count..<rest.upperBound
    }
    return true
  }

  private func send(_ bytes: [UInt8]) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      guard count > 0 else { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }
}
