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

  /// Works with the file that makes GRUB boot from the store: in the old root, or on the partition that was its /boot.
  ///
  /// - Returns: the result of `body`; nil if the old root is gone.
  func withBootHook<Result>(at top: FilePath, _ body: (BootHook) throws -> Result) throws -> Result? {
    guard let old = try oldRoot(at: top) else { return nil }
    guard let bootFileSystem else { return try body(BootHook(in: old.path.appending("boot/grub"))) }
    let partition = try TemporaryMount(ofBootPartition: bootFileSystem)
    defer { partition.end() }
    return try body(BootHook(in: partition.path.pushing(FilePath(root: nil, bootDirectory.components))))
  }

  /// Whether GRUB reads copies of the deployments' kernels from the partition that was the system's /boot.
  func hasBootFiles(at top: FilePath) throws -> Bool {
    try bootFileSystem != nil && BootVolumeRecord(in: top.appending(Machine.store)) != nil
  }

  /// Removes these copies, and the menu that names them. The lines that lead GRUB there must be gone.
  func removeBootFiles(at top: FilePath) throws {
    guard let bootFileSystem, try hasBootFiles(at: top) else { return }
    let partition = try TemporaryMount(ofBootPartition: bootFileSystem)
    defer { partition.end() }
    let name = BootVolumeRecord.loader.components.first
    guard let name, try OpenDirectory(partition.path).status(of: name) != nil else { return }
    try OpenDirectory(partition.path).removeEvenIfProtected(name)
    failPoint("boot files removed")
    try FileSystem.sync(partition.path)
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
