import CSandbox
import Glibc
import SystemPackage

/// A handle by which another thread interrupts runs. It stays cancelled: a run that gets it later is interrupted at once.
public final class Cancellation: Sendable {
  let event: FileDescriptor

  /// Throws if the process is out of descriptors.
  public init() throws(Errno) {
    let descriptor = eventfd(0, CInt(EFD_CLOEXEC) | CInt(EFD_NONBLOCK))
    guard descriptor >= 0 else { throw Errno(rawValue: errno) }
    event = FileDescriptor(rawValue: descriptor)
  }

  deinit { try? event.close() }

  /// Interrupts every run that has this handle, as SIGTERM would. May be called from any thread and more than once.
  public func cancel() { _ = eventfd_write(event.rawValue, 1) }
}
