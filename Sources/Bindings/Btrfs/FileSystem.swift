import CBtrfs
import CBtrfsUtil
import FoundationEssentials
import Glibc
import SystemPackage

/// Calls that concern a whole file system, named by any path on it.
public enum FileSystem {
  /// Whether `path` is on btrfs. False for a missing path.
  ///
  /// Throws `.notPermitted`, `.other`.
  public static func isBtrfs(_ path: FilePath) throws(BtrfsError) -> Bool {
    do {
      try BtrfsError.check("examine", path, btrfs_util_is_subvolume)
    } catch {
      switch error.code {
      case .notASubvolume: return true
      case .notBtrfs, .notFound: return false
      default: throw error
      }
    }
    return true
  }

  /// Whether `path` cannot be written to because its file system, or this mount of it, is read-only. For read-only
  /// subvolumes see ``SubvolumeInfo/isReadOnly``.
  ///
  /// Throws `.notFound`, `.notPermitted`.
  public static func isReadOnly(_ path: FilePath) throws(BtrfsError) -> Bool {
    var status = statvfs()
    let (result, number) = path.withPlatformString { (statvfs($0, &status), Glibc.errno) }
    guard result == 0 else { throw BtrfsError("examine", path, Errno(rawValue: number)) }
    return status.f_flag & UInt(ST_RDONLY) != 0
  }

  /// The UUID of the btrfs at `path`.
  ///
  /// Throws `.notBtrfs`, `.notFound`, `.notPermitted`.
  public static func uuid(of path: FilePath) throws(BtrfsError) -> UUID {
    let file = try OpenFile(path, flags: O_RDONLY, for: "examine")
    var info = cbtrfs_file_system()
    try BtrfsError.check("examine", path, result: cbtrfs_read_file_system(file.descriptor, &info))
    return UUID(uuid: info.uuid)
  }

  /// Writes everything to the disk and commits the current btrfs transaction: all earlier changes survive a crash,
  /// and boot loaders that do not replay the log tree see it.
  ///
  /// Throws `.readOnly` if btrfs has made itself read-only after an error, whatever the disk reports (EIO,
  /// `.noSpace`), `.notFound`.
  public static func sync(_ path: FilePath) throws(BtrfsError) {
    let file = try OpenFile(path, flags: O_RDONLY, for: "sync")
    try BtrfsError.check("sync", path, result: cbtrfs_syncfs(file.descriptor))
    guard try isBtrfs(path) else { return }
    // syncfs(2) skips a read-only file system, even one that became read-only by an error and lost data. The
    // ioctl does not, and has nothing else left to do (fs/sync.c, sync_filesystem; fs/btrfs/inode.c,
    // btrfs_start_delalloc_roots).
    try BtrfsError.check("sync", path, btrfs_util_sync)
  }

  /// Waits until the space of the subvolumes deleted so far has come back, or `limit` has passed. Returns whether it
  /// has come back.
  ///
  /// Throws `.readOnly` on a read-only mount, where the space may never come back, `.notBtrfs`, `.notFound`,
  /// `.notPermitted`.
  @discardableResult
  public static func waitForDeletions(
    on path: FilePath, atMost limit: Duration = .seconds(600)
  ) throws(BtrfsError) -> Bool {
    let operation = "wait for deleted subvolumes on"
    guard try !isReadOnly(path) else { throw BtrfsError(operation, path, .readOnlyFileSystem) }
    let deadline = ContinuousClock.now + limit
    let waitedFor = try deletedSubvolumes(on: path, for: operation)
    var pause: UInt32 = 1000
    while try !waitedFor.isDisjoint(with: deletedSubvolumes(on: path, for: operation)) {
      guard ContinuousClock.now < deadline else { return false }
      // This also wakes the kernel's cleaner, which would sleep up to half a minute. It may be about to fall asleep, or
      // held off by a file that is still open, so once is not enough.
      try BtrfsError.check(operation, path, btrfs_util_sync)
      usleep(pause)
      pause = min(pause * 2, 250_000)
    }
    // Space that the cleaner freed becomes available with the next commit.
    try sync(path)
    return true
  }

  private static func deletedSubvolumes(on path: FilePath, for operation: String) throws(BtrfsError) -> Set<UInt64> {
    var ids: UnsafeMutablePointer<UInt64>?
    var count = 0
    try BtrfsError.check(operation, path) { btrfs_util_deleted_subvolumes($0, &ids, &count) }
    defer { free(ids) }
    return Set(UnsafeBufferPointer(start: ids, count: count))
  }
}
