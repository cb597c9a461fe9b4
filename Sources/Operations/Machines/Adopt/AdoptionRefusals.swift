import Boot
import Btrfs
import DebianFormats
import Etc
import FoundationEssentials
import Glibc
import Host
import Rootfs
import Sandbox
import SystemPackage

/// The reasons why a system cannot be adopted: everything that is known to go wrong, checked before anything is done.
struct AdoptionRefusals {
  private let system: AdoptableSystem

  init(_ system: AdoptableSystem) { self.system = system }

  /// - Throws: `AstError` with the first reason.
  func check() throws {
    let general = DebianRefusals(system.debian)
    try general.requireStartByGrub()
    try requireFileSystem()
    try requireTable()
    try requireOneRoot()
    try general.requireContents()
  }

  private func requireFileSystem() throws {
    guard try !FileSystem.isReadOnly(system.root) else {
      throw AdoptableSystem.refusal("the root file system is mounted read-only", hint: "`mount -o remount,rw /`")
    }
    _ = try AdoptedBootVolume(of: system)
  }

  /// Makes sure that the root's line in /etc/fstab mounts it, as it would not after btrfs-convert(8).
  private func requireTable() throws {
    guard let root = system.fstab.entries.last(where: { $0.mountPoint == "/" }) else { return }
    let line = "\(root.source) / btrfs defaults 0 0"
    guard ["btrfs", "auto"].contains(root.type) else {
      throw AdoptableSystem.refusal(
        "/etc/fstab says that / is \(root.type): it would not be mounted", hint: "make that line `\(line)`")
    }
    let foreign = root.options.split(separator: ",").first { $0.hasPrefix("errors=") || $0.hasPrefix("data=") }
    if let foreign {
      throw AdoptableSystem.refusal(
        "/etc/fstab mounts / with \(foreign), which btrfs does not know: it would not be mounted",
        hint: "take that out of the options")
    }
  }

  /// Makes sure that the system is in one subvolume, as a node has to be. /boot may be an ext4, and /var any file system.
  private func requireOneRoot() throws {
    _ = try BootPartition(of: system.debian)
    if try system.isSeparate("/var"), !system.hasLine("/var") || system.mount(at: "/var") == nil {
      throw AdoptableSystem.refusal(
        system.hasLine("/var")
          ? "/etc/fstab mounts /var, and it is not mounted" : "/var is a subvolume that /etc/fstab does not mount",
        hint: "mount it, and give it a line there, or make it a part of the root file system")
    }
    let parts: [FilePath] = [
      "/boot/grub", "/usr", "/etc", "/bin", "/sbin", "/lib", "/var/lib", "/var/lib/dpkg",
    ]
    for path in parts where try system.isSeparate(path) {
      throw AdoptableSystem.refusal(
        "\(path) is a separate file system or subvolume", hint: "it has to be a part of the file system around it")
    }
  }
}
