import CBtrfs
import Glibc
import SystemPackage

extension Subvolume {
  /// Removes the attributes "immutable" and "append only" (chattr(1)) from the subvolume's top directory, even if the
  /// subvolume is read-only. With one of them, not even root can rename or delete the subvolume.
  ///
  /// Returns whether there was one. Throws `.notASubvolume`, `.notFound`, `.notBtrfs`, `.readOnly` of the file system, `.notPermitted`.
  @discardableResult
  public func removeProtection() throws(BtrfsError) -> Bool {
    let operation = "take attributes off"
    try requireSubvolume(for: operation)
    let top = try OpenFile(path, flags: O_RDONLY | O_DIRECTORY | O_NOFOLLOW, for: operation)
    var result = cbtrfs_remove_protection(top.descriptor)
    if result == -EROFS {
      try setReadOnly(false)
      result = cbtrfs_remove_protection(top.descriptor)
      try setReadOnly(true)
    }
    return try BtrfsError.check(operation, path, result: result) == 1
  }
}
