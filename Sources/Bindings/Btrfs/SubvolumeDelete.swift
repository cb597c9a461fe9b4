import CBtrfsUtil
import Glibc
import SystemPackage

extension Subvolume {
  /// The paths of all subvolumes below this one, the deepest first: in the order in which they can be deleted.
  ///
  /// Throws `.notASubvolume`, `.notFound`, `.notBtrfs`, `.notPermitted`.
  public func nested() throws(BtrfsError) -> [FilePath] {
    try listNested(for: "list subvolumes in").map(\.path)
  }

  /// Deletes the subvolume and all subvolumes nested in it, read-only or not. Returns when the name is gone; the
  /// space comes back later (``FileSystem/waitForDeletions(on:atMost:)``).
  ///
  /// Without nested subvolumes it is one ioctl: root may delete a read-only subvolume as it is. Nested ones are deleted
  /// first, each by its own ioctl, so a process that is killed in between leaves fewer of them; the next call deletes
  /// the rest.
  ///
  /// Throws `.notFound` if the path does not exist, `.notASubvolume` (also for a symbolic link to one), `.notBtrfs`,
  /// `.readOnly` of the file system or of the subvolume around this one, `.busy`, `.notPermitted`.
  public func delete() throws(BtrfsError) {
    do throws(BtrfsError) {
      try unlink()
    } catch let error where error.code == .notEmpty {
      try deleteNested()
      try unlink()
    } catch  where error.code == .notPermitted {
      // A program that ran in it may have made its top directory immutable.
      guard try removeProtection() else { throw error }
      try delete()
    }
  }

  private static let deleting = "delete subvolume"

  private func unlink() throws(BtrfsError) {
    let operation = Self.deleting
    guard let name = path.lastComponent else { throw BtrfsError(operation, path, .resourceBusy) }
    let directory = path.removingLastComponent()
    let parent = try OpenFile(directory.isEmpty ? "." : directory, for: operation)
    let result = name.withPlatformString { (btrfs_util_delete_subvolume_fd(parent.descriptor, $0, 0), Glibc.errno) }
    guard result.0 != BTRFS_UTIL_OK else { return }
    let errno = Errno(rawValue: result.1)
    // Both are the kernel's words for "no subvolume" (fs/btrfs/ioctl.c, btrfs_ioctl_snap_destroy).
    let code = errno == .invalidArgument || errno == .notDirectory ? BtrfsError.Code.notASubvolume : nil
    throw BtrfsError(operation, path, errno, code: code)
  }

  private func deleteNested() throws(BtrfsError) {
    let operation = Self.deleting
    let nested = try listNested(for: operation)
    let parents = Set(nested.map(\.info.parentID))
    // Nothing can be unlinked in a read-only subvolume, so those around others become writable.
    if try info().isReadOnly { try setReadOnly(false) }
    for subvolume in nested where subvolume.info.isReadOnly && parents.contains(subvolume.info.id) {
      try Subvolume(at: subvolume.path).setReadOnly(false)
    }
    // By id, which a mount over the path does not hide.
    let top = try OpenFile(path, for: operation)
    for subvolume in nested {
      let result = (btrfs_util_delete_subvolume_by_id_fd(top.descriptor, subvolume.info.id), Glibc.errno)
      guard result.0 != BTRFS_UTIL_OK, result.1 != ENOENT else { continue }
      throw BtrfsError(operation, subvolume.path, Errno(rawValue: result.1))
    }
  }

  private func listNested(for operation: String) throws(BtrfsError) -> [(path: FilePath, info: SubvolumeInfo)] {
    try requireSubvolume(for: operation)
    var iterator: OpaquePointer?
    let order = Int32(BTRFS_UTIL_SUBVOLUME_ITERATOR_POST_ORDER)
    try BtrfsError.check(operation, path) { btrfs_util_create_subvolume_iterator($0, 0, order, &iterator) }
    defer { btrfs_util_destroy_subvolume_iterator(iterator) }

    var nested: [(path: FilePath, info: SubvolumeInfo)] = []
    while true {
      var relative: UnsafeMutablePointer<CChar>?
      var info = btrfs_util_subvolume_info()
      let result = (btrfs_util_subvolume_iterator_next_info(iterator, &relative, &info), Glibc.errno)
      if result.0 == BTRFS_UTIL_ERROR_STOP_ITERATION { return nested }
      guard result.0 == BTRFS_UTIL_OK, let relative else {
        throw BtrfsError(operation, path, Errno(rawValue: result.1))
      }
      nested.append((path.pushing(FilePath(platformString: relative)), SubvolumeInfo(info)))
      free(relative)
    }
  }
}
