import Btrfs
import Host
import Store
import SystemPackage

/// What an adoption has made, on the disk.
extension AdoptionRecord {
  /// The old root, where the top level of the file system is at `top`; nil where something else is there.
  func oldRoot(at top: FilePath) throws -> Subvolume? {
    let old = Subvolume(at: top.pushing(FilePath(subvolume)))
    return try Subvolume.isSubvolume(at: old.path) && old.info().uuid == identity ? old : nil
  }

  /// The old root, which has to be there.
  func requireOldRoot(at top: FilePath) throws -> Subvolume {
    guard let old = try oldRoot(at: top) else {
      throw AstError(
        .refused, "the system that was adopted is not at /\(subvolume) of the file system any more", state: .unchanged
      )
    }
    return old
  }

  /// The file that leads from there to the store; nil where the old root is gone.
  func bootHook(at top: FilePath) throws -> BootHook? {
    try oldRoot(at: top).map { BootHook(in: $0.path.appending("boot/grub")) }
  }

  /// Those of the subvolumes that were made which are still at the top level: they, and nothing that has their name.
  func present(at top: FilePath) throws -> [FilePath] {
    try made.sorted { $0.key < $1.key }.compactMap { name, identity in
      let path = top.appending(name)
      guard try Subvolume.isSubvolume(at: path), try Subvolume(at: path).info().uuid == identity else { return nil }
      return path
    }
  }
}
