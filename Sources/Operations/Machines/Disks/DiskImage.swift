import Glibc
import Host
import SystemPackage

/// A disk in a sparse file that is being made: under a temporary name, as a loop device. It gets its own name when
/// everything is on it.
///
/// The kernel frees the loop device with its last user (`LO_FLAGS_AUTOCLEAR`, loop(4)): it goes with this process,
/// however that ends.
struct DiskImage {
  /// The device.
  let device: FilePath
  private let path: FilePath
  private let temporary: FilePath
  private let holder: FileDescriptor

  /// Makes the file and attaches it.
  init(at path: FilePath, size: Int64, replacing: Bool) throws {
    guard replacing || access(path.string, F_OK) != 0 else {
      throw AstError(.refused, "\(path) is there already", state: .unchanged, hint: "`--force` replaces it")
    }
    self.path = path
    temporary = FilePath("\(path).\(getpid()).new")
    let file: FileDescriptor
    do {
      file = try FileDescriptor.open(
        temporary, .readWrite, options: [.create, .exclusiveCreate, .closeOnExec], permissions: [.ownerReadWrite])
    } catch {
      throw AstError(.failed, "cannot make \(temporary): \(error)", state: .unchanged)
    }
    do {
      try file.closeAfter { try file.resize(to: size) }
      device = FilePath(
        try ChildProcess("losetup", ["--find", "--show", "--partscan", "--", temporary.string]).line())
      holder = try FileDescriptor.open(device, .readOnly, options: .closeOnExec)
      try ChildProcess("losetup", ["--detach", device.string]).run()
    } catch {
      unlink(temporary.string)
      throw error
    }
  }

  /// Gives the complete image its name.
  func finish() throws {
    try holder.close()
    let file = try FileDescriptor.open(temporary, .readOnly, options: .closeOnExec)
    try file.closeAfter { guard fsync(file.rawValue) == 0 else { throw Errno(rawValue: errno) } }
    guard rename(temporary.string, path.string) == 0 else { throw Errno(rawValue: errno) }
  }

  /// Removes what was begun.
  func discard() {
    try? holder.close()
    unlink(temporary.string)
  }
}
