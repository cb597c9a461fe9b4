import Glibc
import SystemPackage

extension HTTPServer {
  /// Closes the connection after the first `bytes` of the next body of this path; once.
  public func cutBody(of path: String, after bytes: Int) { site.setFault(.cut(after: bytes), for: path) }

  /// Sends the first `bytes` of each body of this path and then nothing, until ``resume(_:)`` or ``stop()``.
  public func stall(_ path: String, after bytes: Int) { site.setFault(.stall(after: bytes), for: path) }

  /// Sends the rest of what ``stall(_:after:)`` held back.
  public func resume(_ path: String) { site.setFault(nil, for: path) }

  /// Waits until a client has stalled at this path.
  ///
  /// - Throws: `Errno.timedOut` after two minutes.
  public func waitForStall(at path: String) throws {
    let deadline = ContinuousClock.now + .seconds(120)
    while !site.isStalled(path) {
      guard ContinuousClock.now < deadline else { throw Errno.timedOut }
      usleep(1000)
    }
  }
}
