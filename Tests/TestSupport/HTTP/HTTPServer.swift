import Glibc
import SystemPackage

/// An HTTP/1.1 server for the files of a directory, on 127.0.0.1, in this process. It counts requests, and can
/// misbehave.
///
/// It runs until it is stopped, at the latest until the process ends, even without a reference to it: a test may only
/// keep the store whose nodes use it.
public final class HTTPServer: Sendable {
  /// The port, chosen by the kernel and kept as long as the server exists, even while it is stopped.
  public let port: UInt16
  let site: HTTPSite
  private let reservation: FileDescriptor

  /// Starts a server for the files of `directory`.
  ///
  /// - Throws: `Errno`.
  public init(serving directory: FilePath) throws {
    site = HTTPSite(directory: directory)
    reservation = try Self.socket(boundTo: 0)
    port = try Self.port(of: reservation)
    try start()
  }

  /// Its address, without a slash at the end.
  public var uri: String { "http://127.0.0.1:\(port)" }

  /// Listens again after ``stop()``.
  ///
  /// - Throws: `Errno`.
  public func start() throws {
    let listener = try Self.socket(boundTo: port)
    guard listen(listener.rawValue, SOMAXCONN) == 0 else { throw Errno(rawValue: errno) }
    site.listen(on: listener.rawValue)
    try startThread { [site] in site.acceptConnections(from: listener.rawValue) }
  }

  /// Ends all connections; new ones are refused from now on.
  public func stop() { site.hangUp() }

  /// A socket bound to a port. Several can be bound to the same port as long as none of them listens (socket(7)): one
  /// that never listens keeps the port while the server is stopped.
  private static func socket(boundTo port: UInt16) throws -> FileDescriptor {
    let number = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard number >= 0 else { throw Errno(rawValue: errno) }
    let socket = FileDescriptor(rawValue: number)
    var yes: Int32 = 1
    setsockopt(number, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
    let result = withUnsafeBytes(of: &address) { bytes in
      bytes.withMemoryRebound(to: sockaddr.self) { bind(number, $0.baseAddress, socklen_t(bytes.count)) }
    }
    guard result == 0 else {
      let error = Errno(rawValue: errno)
      try? socket.close()
      throw error
    }
    return socket
  }

  private static func port(of socket: FileDescriptor) throws -> UInt16 {
    var (address, length) = (sockaddr_in(), socklen_t(MemoryLayout<sockaddr_in>.size))
    let result = withUnsafeMutableBytes(of: &address) { bytes in
      bytes.withMemoryRebound(to: sockaddr.self) { getsockname(socket.rawValue, $0.baseAddress, &length) }
    }
    guard result == 0 else { throw Errno(rawValue: errno) }
    return UInt16(bigEndian: address.sin_port)
  }
}
