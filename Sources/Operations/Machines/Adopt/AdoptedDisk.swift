import Btrfs
import Host
import Store
import SystemPackage

/// The subvolumes and files of an adoption on the disk.
extension AdoptionRecord {
  /// The old root, with the top level of the file system at `top`; nil if it is no longer there.
  func oldRoot(at top: FilePath) throws -> Subvolume? {
    let old = Subvolume(at: top.pushing(FilePath(subvolume)))
    return try Subvolume.isSubvolume(at: old.path) && old.info().uuid == identity ? old : nil
  }

  /// The old root, or an error if it is no longer there.
  func requireOldRoot(at top: FilePath) throws -> Subvolume {
    guard let old = try oldRoot(at: top) else {
      throw AstError(
        .refused, "the adopted system is no longer at /\(subvolume) of the file system", state: .unchanged
      )
    }
    return old
  }

  /// The file in the old root that makes GRUB boot from the store; nil if the old root is gone.
  func bootHook(at top: FilePath) throws -> BootHook? {
    try oldRoot(at: top).map { BootHook(in: $0.path.appending("boot/grub")) }
  }

  /// The subvolumes of the adoption that are still at the top level; others with the same names are not counted.
  func present(at top: FilePath) throws -> [FilePath] {
    try made.sorted { $0.key < $1.key }.compactMap { name, identity in
      let path = top.appending(name)
      guard try Subvolume.isSubvolume(at: path), try Subvolume(at: path).info().uuid == identity else { return nil }
      return path
    }
  }
}
