internal import SystemPackage

internal import Glibc

/// The facts that show whether a file is still the same and was not written to.
struct FileIdentity: Equatable {
  let inode: UInt64
  let size: Int64
  private let modifiedSeconds: Int
  private let modifiedNanoseconds: Int

  /// Nil if there is no file.
  init?(of path: FilePath) {
    var status = stat()
    guard path.withPlatformString({ stat($0, &status) }) == 0 else { return nil }
    inode = UInt64(status.st_ino)
    size = Int64(status.st_size)
    modifiedSeconds = status.st_mtim.tv_sec
    modifiedNanoseconds = status.st_mtim.tv_nsec
  }
}
