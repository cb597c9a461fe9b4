import Glibc
import Host
import SystemPackage

/// A disk in a sparse file while it is made: under a temporary name, as a loop device. It gets its own name when it is
/// complete.
///
/// The kernel frees the loop device with its last user (`LO_FLAGS_AUTOCLEAR`, loop(4)): it goes with this process,
/// however that ends.
struct DiskImage {
  /// The device.
  let device: FilePath
  private let file: NewImageFile
  private let holder: FileDescriptor

  /// Makes the file and attaches it.
  init(at path: FilePath, size: Int64, replacing: Bool) throws {
    guard replacing || access(path.string, F_OK) != 0 else {
      throw AstError(.refused, "\(path) already exists", state: .unchanged, hint: "`--force` replaces it")
    }
    file = try NewImageFile(for: path, size: size)
    do {
      device = FilePath(
        try ChildProcess("losetup", ["--find", "--show", "--partscan", "--", file.temporary.string]).line())
      holder = try Files.attempt("open", device) { [device] in
        try FileDescriptor.open(device, .readOnly, options: .closeOnExec)
      }
      try ChildProcess("losetup", ["--detach", device.string]).run()
    } catch {
      file.discard()
      throw error
    }
  }

  /// Gives the complete image its name.
  func finish() throws {
    try holder.close()
    try file.finish()
  }

  /// Removes the unfinished image.
  func discard() {
    try? holder.close()
    file.discard()
  }
}
