import Glibc
import Synchronization
import SystemPackage

/// The state that the connections of a server share: the files, the counts, and the faults.
final class HTTPSite: Sendable {
  let directory: FilePath
  private let state = Mutex(State())

  private struct State {
    var listener: Int32?
    var connections: Set<Int32> = []
    var exchanges: [HTTPExchange] = []
    var faults: [String: HTTPFault] = [:]
    var stalled: Set<String> = []
  }

  init(directory: FilePath) { self.directory = directory }

  // MARK: Connections

  func listen(on socket: Int32) { state.withLock { $0.listener = socket } }

  /// Serves each connection in a thread, until `hangUp()`.
  func acceptConnections(from listener: Int32) {
    defer { endListening(on: listener) }
    while true {
      let socket = accept(listener, nil, nil)
      guard socket >= 0 else {
        if errno == EINTR || errno == ECONNABORTED { continue }
        return
      }
      _ = fcntl(socket, F_SETFD, FD_CLOEXEC)
      let isWanted = state.withLock { state in
        guard state.listener == listener else { return false }
        state.connections.insert(socket)
        return true
      }
      let connection = HTTPConnection(socket: socket, site: self)
      if !isWanted || (try? startThread { connection.serve() }) == nil { end(socket) }
    }
  }

  private func endListening(on listener: Int32) {
    state.withLock { state in
      if state.listener == listener { state.listener = nil }
      close(listener)
    }
  }

  /// Shuts sockets down; the threads that use them close them, because a closed number can be reused for another file.
  func hangUp() {
    state.withLock { state in
      if let listener = state.listener { shutdown(listener, Int32(SHUT_RDWR)) }
      state.listener = nil
      for connection in state.connections { shutdown(connection, Int32(SHUT_RDWR)) }
      state.connections = []
    }
  }

  /// Closes a connection, even if a program has inherited it that was started at the moment when it was accepted.
  func end(_ connection: Int32) {
    state.withLock { state in
      state.connections.remove(connection)
      shutdown(connection, Int32(SHUT_RDWR))
      close(connection)
    }
  }

  // MARK: Counting

  var exchanges: [HTTPExchange] { state.withLock { $0.exchanges } }

  func record(_ exchange: HTTPExchange) { state.withLock { $0.exchanges.append(exchange) } }

  func forgetExchanges() { state.withLock { $0.exchanges = [] } }

  // MARK: Misbehaving

  func setFault(_ fault: HTTPFault?, for path: String) { state.withLock { $0.faults[path] = fault } }

  /// The fault of the next body of a path; a cut one is whole the next time.
  func fault(for path: String) -> HTTPFault? {
    state.withLock { state in
      let fault = state.faults[path]
      if case .cut = fault { state.faults[path] = nil }
      return fault
    }
  }

  func isStalled(_ path: String) -> Bool { state.withLock { $0.stalled.contains(path) } }

  /// Waits until the path no longer stalls, or the connection has ended.
  func stall(_ connection: Int32, at path: String) {
    var waits = true
    while waits {
      waits = state.withLock { state in
        let waits = state.faults[path] != nil && state.connections.contains(connection)
        if waits { state.stalled.insert(path) } else { state.stalled.remove(path) }
        return waits
      }
      if waits { usleep(1000) }
    }
  }
}

/// The fault of an answer, after this many bytes of its body.
enum HTTPFault {
  case cut(after: Int)
  case stall(after: Int)

  var bytes: Int {
    switch self {
    case .cut(let bytes), .stall(let bytes): bytes
    }
  }
}
