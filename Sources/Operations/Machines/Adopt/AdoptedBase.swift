import Btrfs
import DebianFormats
import Etc
import FoundationEssentials
import Glibc
import Host
import Rootfs
import Sandbox
import SystemPackage

/// The base while it is made from a snapshot of the adopted root: data of the machine is removed, and files that a node
/// needs are added.
struct AdoptedBase {
  /// The snapshot.
  let root: FilePath
  /// The adopted system.
  let system: AdoptableSystem

  func run() throws {
    try replaceStubs()
    try BootPartition(of: system.debian)?.copy(into: root)
    if try system.isSeparate("/var") { try AdoptedVar(of: system.root).copy(into: root) }
    try bringState()
    failPoint("other file systems read")
    for directory: FilePath in ["home", "srv", "tmp", "boot/grub"] { try empty(directory) }
    // The files that Debian gives root stay: nodes are used without that file system.
    try empty("root", but: [".bashrc", ".profile"])
    try AdoptedVar(of: root).reduce()
    failPoint("base emptied")
    let files = RootDirectory(root)
    let volume = try AdoptedBootVolume(of: system)
    let table = system.fstab.adopting(
      fileSystem: system.fileSystem.uuidString.lowercased(), omitting: [BootPartition.place]
    ).completing(with: [volume?.entry].compactMap(\.self))
    try files.write(Data(table.content), to: "/etc/fstab")
    for mount in table.entries where mount.mountPoint != "/" && mount.type != "swap" {
      try files.makeDirectory(mount.mountPoint)
    }
    try installSystemFiles(into: root)
    try AdoptedUpdates(of: system).write(to: root)
    try volume?.completeEncryption(in: root)
    failPoint("base completed")
  }

  /// Copies the packages' state that is on other file systems than the root: a snapshot of the root does not have it.
  private func bringState() throws {
    let (old, new) = (try OpenDirectory(system.root), try OpenDirectory(root))
    for place in PackageState.directories.map(\.place) {
      guard let name = place.lastComponent, let from = try old.directory(at: place.removingLastComponent()),
        let to = try new.directory(at: place.removingLastComponent()),
        try from.directory(name)?.names().isEmpty == false, try to.directory(name)?.names().isEmpty != false
      else { continue }
      try to.remove(name)
      _ = try CopyTree(of: name, from: from, to: name, in: to)
    }
  }

  /// Replaces the stubs of subvolumes: for a subvolume inside the root, a snapshot has an empty directory in which nothing
  /// can be made. Where /etc/fstab mounts something, a real directory takes its place.
  private func replaceStubs() throws {
    for path in try Subvolume(at: system.root).nested() {
      let inside = FilePath(root: nil, path.components.dropFirst(system.root.components.count))
      let stub = root.pushing(inside)
      var status = stat()
      // BTRFS_EMPTY_SUBVOL_DIR_OBJECTID (linux/btrfs_tree.h).
      guard lstat(stub.string, &status) == 0, status.st_ino == 2 else { continue }
      try Files.removeDirectory(stub)
      if system.hasLine(FilePath("/").pushing(inside)) {
        try Files.makeDirectory(stub)
      }
    }
  }

  private func empty(_ directory: FilePath, but kept: Set<OpenDirectory.Name> = []) throws {
    guard let open = try OpenDirectory(root).directory(at: directory) else { return }
    for name in try open.names() where !kept.contains(name) { try open.removeEvenIfProtected(name) }
  }
}
