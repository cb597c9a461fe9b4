import Btrfs
import FoundationEssentials
import Glibc
import Host
import SnapshotTree
import Store
import SystemPackage

/// `adopt --forget`: removes the system from before ast, and with it the way back. Its /boot/grub stays, since the machine
/// starts from it.
extension Adoption {
  /// Makes sure that the old system can be removed.
  ///
  /// - Throws: `AstError`, refused if the deployments still need the old system, or something in it is in use.
  public func requireForgettable() throws { try withOldRoot { _, _, _ in } }

  /// Removes the old system, from a deployment. It can be done again until nothing is left.
  ///
  /// - Throws: `AstError`, refused as above.
  /// - Returns: what is left.
  public func forget(progress: (String) -> Void) throws -> Remains {
    Interruption.holdBack()
    return try withOldRoot { record, store, old in
      // From here on there is no way back, nor a menu entry for it.
      var record = record
      record.state = .forgotten
      try record.write(in: store.root)
      try store.change {}
      progress("removing the system that was there before ast")
      try record.original == nil ? old.remove() : old.removeCopy()
      return try Remains(
        bootDirectory: record.bootDirectory, bootFileSystem: record.bootFileSystem,
        isOnOtherDisk: record.original != nil,
        savedExt4: SavedExt4(at: store.root.removingLastComponent(), on: FileSystem.devices(of: store.root)))
    }
  }

  /// What is left of a system that was forgotten.
  public struct Remains: Sendable {
    /// Where its boot loader is, from the top level of the file system.
    public let bootDirectory: FilePath
    /// The UUID of the file system with the boot loader, if that is a /boot of its own.
    public let bootFileSystem: String?
    /// Whether the system is on a disk of its own, where it stays as it is.
    public let isOnOtherDisk: Bool
    /// What is left of an ext4 that the file system was before.
    public let savedExt4: SavedExt4?
  }

  private func withOldRoot<Result>(_ body: (AdoptionRecord, Store, OldRoot) throws -> Result) throws -> Result {
    let lock = try lock()
    defer { withExtendedLifetime(lock) {} }
    let disk = try TemporaryMount(of: try device())
    defer { disk.end() }
    let path = disk.path.appending(Machine.store)
    guard try Subvolume.isSubvolume(at: path), let record = try AdoptionRecord(in: path) else {
      throw AstError(.notFound, "nothing was adopted here", state: .unchanged)
    }
    // It should work on a full disk, too.
    try Store.makeRoom(at: path)
    let store = try Store(opening: path, .writing, command: command, reader: reader)
    try requireGoodDeployment(of: store)
    let old = OldRoot(try record.requireOldRoot(at: disk.path), record, top: disk.path)
    // A disk of its own is not needed any more, and may be gone.
    guard try record.original != nil || record.withBootHook(at: disk.path, { try $0.isThere }) ?? false else {
      throw AdoptableSystem.refusal("the adoption was taken back: the machine boots the system that was there before")
    }
    try old.requireUnused()
    return try body(record, store, old)
  }

  /// Makes sure that a good deployment is running: it is what the machine falls back to later.
  private func requireGoodDeployment(of store: Store) throws {
    let identity = try Subvolume.isSubvolume(at: root) ? Subvolume(at: root).info().uuid : nil
    let running = try store.tree.deployments().first { deployment in
      let path = store.path(of: deployment)
      return try Subvolume.isSubvolume(at: path) && Subvolume(at: path).info().uuid == identity
    }
    guard let running else {
      throw AdoptableSystem.refusal(
        "no deployment is running", hint: "restart into one, and make sure that it has all you need from the old system"
      )
    }
    guard running.state == .good else {
      throw AdoptableSystem.refusal(
        "deployment \(running.id) has not come up yet", hint: "`ast status` shows its state")
    }
  }
}

/// The old root, which is to be removed.
private struct OldRoot {
  private let old: Subvolume
  private let record: AdoptionRecord
  private let top: FilePath

  init(_ old: Subvolume, _ record: AdoptionRecord, top: FilePath) {
    (self.old, self.record, self.top) = (old, record, top)
  }

  /// Makes sure that nothing in it is in use.
  ///
  /// - Throws: `AstError` (refused) if something is.
  func requireUnused() throws {
    let fileSystem = try FileSystem.uuid(of: top)
    for mount in try MountTable.mounts() where mount.type == "btrfs" && mount.place != top {
      guard access(mount.place.string, F_OK) == 0 else { continue }
      guard try FileSystem.uuid(of: mount.place) == fileSystem, try isOwn(mount.part) else { continue }
      throw AdoptableSystem.refusal("a part of the old system is mounted at \(mount.place)", hint: "unmount it")
    }
    let filled = try nested().filter { try !OpenDirectory($0).names().isEmpty }
    guard filled.isEmpty else {
      let names = filled.map { "/\(FilePath(root: nil, $0.components.dropFirst(top.components.count)))" }
      throw AdoptableSystem.refusal(
        "there are subvolumes inside the old system: \(names.joined(separator: ", "))",
        hint: "mount the top level of the file system, and move or delete them")
    }
  }

  /// Removes it, all but /boot/grub and, at the top level, the subvolumes beside it.
  func remove() throws {
    // The kernel keeps a subvolume that is no longer empty.
    for path in try nested() {
      guard rmdir(path.string) == 0 else { throw AstError(.failed, "cannot remove \(path): \(Errno(rawValue: errno))") }
    }
    let root = try OpenDirectory(old.path)
    for name in try root.names() where name != "boot" {
      guard try !isBeside(old.path.appending(name)) else { continue }
      try root.removeEvenIfProtected(name)
      failPoint("old system's directory removed")
    }
    if let boot = try root.directory("boot") {
      for name in try boot.names() where name != "grub" { try boot.removeEvenIfProtected(name) }
    }
    try FileSystem.sync(top)
  }

  /// Removes the copy of a system that is on another disk.
  func removeCopy() throws {
    try old.delete()
    try FileSystem.sync(top)
  }

  /// The subvolumes inside it.
  private func nested() throws -> [FilePath] {
    try old.nested().filter { path in
      let name = path.components.dropFirst(old.path.components.count).first
      return try name.map { try !isBeside(old.path.appending($0)) } ?? false
    }
  }

  /// Whether a path at the top level is a separate subvolume, and not a part of a root there.
  private func isBeside(_ path: FilePath) throws -> Bool {
    try record.subvolume.isEmpty && Subvolume.isSubvolume(at: path)
  }

  /// Whether a path from the top level is in it, and not in a subvolume inside or beside it.
  private func isOwn(_ part: FilePath) throws -> Bool {
    let start = FilePath("/").pushing(FilePath(record.subvolume))
    guard part.starts(with: start) else { return false }
    var path = old.path
    for component in part.components.dropFirst(start.components.count) {
      path.append(component)
      if try Subvolume.isSubvolume(at: path) { return false }
    }
    return true
  }
}
