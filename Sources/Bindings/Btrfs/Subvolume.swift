import CBtrfsUtil
import SystemPackage

/// A btrfs subvolume, by its path. The value is only the path: the first call shows whether the subvolume exists.
public struct Subvolume: Hashable, Sendable {
  /// The path of the subvolume.
  public let path: FilePath

  /// The subvolume at `path`, which need not exist yet.
  public init(at path: FilePath) {
    self.path = path
  }

  /// Whether `path` is the root of a subvolume. False for any other file or directory, for a missing path and on
  /// other file systems.
  ///
  /// Throws if it cannot be found out, for instance `.notPermitted`.
  public static func isSubvolume(at path: FilePath) throws(BtrfsError) -> Bool {
    do throws(BtrfsError) {
      try BtrfsError.check("examine", path, btrfs_util_is_subvolume)
      return true
    } catch let error where [.notFound, .notBtrfs, .notASubvolume].contains(error.code) || error.errno == .notDirectory
    {
      return false
    }
  }

  /// Makes a new empty subvolume at `path`.
  ///
  /// Throws `.exists` if the path exists already, `.notFound` without a parent directory, `.notBtrfs`,
  /// `.readOnly`, `.noSpace`.
  @discardableResult
  public static func create(at path: FilePath) throws(BtrfsError) -> Subvolume {
    try BtrfsError.check("create subvolume", path) { btrfs_util_create_subvolume($0, 0, nil, nil) }
    return Subvolume(at: path)
  }

  /// Makes a snapshot of this subvolume at `target`. Subvolumes nested in it are not part of the snapshot.
  ///
  /// Throws `.exists` if `target` exists already, even as an empty directory: a snapshot is never made *in* a directory
  /// that was meant to be its name. Also `.notFound`, `.notASubvolume` and `.notBtrfs` (of source
  /// or target), `.readOnly`, `.noSpace`.
  @discardableResult
  public func snapshot(to target: FilePath, readOnly: Bool) throws(BtrfsError) -> Subvolume {
    let flags = readOnly ? Int32(BTRFS_UTIL_CREATE_SNAPSHOT_READ_ONLY) : 0
    let source = try OpenFile(path, for: "snapshot")
    let sourceDescriptor = source.descriptor
    do throws(BtrfsError) {
      try BtrfsError.check("create snapshot", target) {
        btrfs_util_create_snapshot_fd(sourceDescriptor, $0, flags, nil, nil)
      }
    } catch let error where error.errno == .invalidArgument || error.errno == .improperLink {
      // The kernel blames neither of the two paths (fs/btrfs/ioctl.c, __btrfs_ioctl_snap_create).
      try requireSubvolume(for: "snapshot")
      throw error
    }
    return Subvolume(at: target)
  }

  /// Makes the subvolume read-only, or writable again.
  ///
  /// Throws `.notASubvolume`, `.notFound`, `.notBtrfs`, `.readOnly` (of the file system), `.notPermitted`.
  public func setReadOnly(_ readOnly: Bool) throws(BtrfsError) {
    let operation = readOnly ? "make read-only" : "make writable"
    try requireSubvolume(for: operation)
    try BtrfsError.check(operation, path) { btrfs_util_set_subvolume_read_only($0, readOnly) }
  }

  /// Throws unless the path is a subvolume.
  func requireSubvolume(for operation: String) throws(BtrfsError) {
    try BtrfsError.check(operation, path, btrfs_util_is_subvolume)
  }
}
