import Glibc
import SystemPackage

/// A file descriptor that is closed with the end of its scope.
struct OpenFile: ~Copyable {
  let descriptor: Int32

  /// Opens `path`; an error says that `operation` was tried.
  init(_ path: FilePath, flags: Int32 = O_RDONLY | O_DIRECTORY, for operation: String) throws(BtrfsError) {
    let (descriptor, number) = path.withPlatformString { (open($0, flags | O_CLOEXEC), Glibc.errno) }
    guard descriptor >= 0 else { throw BtrfsError(operation, path, Errno(rawValue: number)) }
    self.descriptor = descriptor
  }

  /// Takes over an open descriptor.
  init(_ descriptor: Int32) {
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }
}
