import Glibc
import SystemPackage

/// Sockets with a path, for messages between processes of root.
package enum LocalSocket {
  /// Makes one that waits for connections, and that only its owner may connect to.
  ///
  /// - Throws: `FileError`.
  package static func listen(at path: FilePath) throws -> FileDescriptor {
    try open(path, "make", CInt(SOCK_SEQPACKET.rawValue)) { socket, address, size in
      let mask = umask(0o077)
      defer { umask(mask) }
      return bind(socket, address, size) == 0 && Glibc.listen(socket, 64) == 0
    }
  }

  /// Connects to one.
  ///
  /// - Throws: `FileError`.
  package static func connect(to path: FilePath) throws -> FileDescriptor {
    try open(path, "connect to", CInt(SOCK_SEQPACKET.rawValue)) { Glibc.connect($0, $1, $2) == 0 }
  }

  /// Tells systemd, if it has started this process and waits for that, that the process is ready (sd_notify(3)).
  package static func notifyReady() {
    guard let path = getenv("NOTIFY_SOCKET").map({ String(cString: $0) }), path.hasPrefix("/") else { return }
    let socket = try? open(FilePath(path), "connect to", CInt(SOCK_DGRAM.rawValue)) { Glibc.connect($0, $1, $2) == 0 }
    _ = try? socket?.writeAll("READY=1".utf8)
    try? socket?.close()
  }

  private static func open(
    _ path: FilePath, _ attempt: String, _ kind: CInt,
    _ body: (CInt, UnsafePointer<sockaddr>, socklen_t) -> Bool
  ) throws -> FileDescriptor {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.string.utf8)
    guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
      throw FileError(attempt, path, .fileNameTooLong)
    }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    let socket = Glibc.socket(AF_UNIX, kind | CInt(SOCK_CLOEXEC.rawValue), 0)
    guard socket >= 0 else { throw FileError(attempt, path, Errno(rawValue: errno)) }
    let isOpen = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard isOpen else {
      let error = Errno(rawValue: errno)
      close(socket)
      throw FileError(attempt, path, error)
    }
    return FileDescriptor(rawValue: socket)
  }
}
