import Etc
import FoundationEssentials
import Glibc
import Host
import SystemPackage

/// A file system of its own at /boot, from which GRUB starts an adopted system. It stays what it is, and the machine goes
/// on starting from it; the kernels of the deployments are in their roots. If the root is encrypted, it is an
/// ``AdoptedBootVolume``, too.
struct BootPartition {
  /// The mount point inside the system.
  static let place: FilePath = "/boot"
  /// The directory of the boot loader on it.
  static let grub: FilePath = "/grub"
  private static let types: Set<String> = ["ext2", "ext3", "ext4"]

  /// Its UUID.
  let identity: String
  /// Its type, as mount(8) names it.
  let type: String
  /// The modules that GRUB needs to find it.
  let modules: [String]
  private let mountPoint: FilePath

  /// The partition of a system; nil if /boot is part of the root.
  ///
  /// - Throws: `AstError`, refused if it cannot be left as it is.
  init?(of system: InstalledDebian) throws {
    let place = Self.place
    guard try system.isSeparate(place) else { return nil }
    guard let mount = system.mount(at: place) else {
      guard system.hasLine(place) else {
        throw AdoptableSystem.refusal(
          "\(place) is a separate file system or subvolume", hint: "it has to be a part of the root file system")
      }
      throw AdoptableSystem.refusal("/etc/fstab mounts \(place), and it is not mounted", hint: "`mount \(place)`")
    }
    guard system.hasLine(place) else {
      throw AdoptableSystem.refusal(
        "\(place) is mounted, and /etc/fstab does not say so", hint: "give it a line there, or unmount it")
    }
    guard Self.types.contains(mount.type) else {
      throw AdoptableSystem.refusal(
        "\(place) is a separate file system or subvolume (\(mount.type))",
        hint: "it has to be a part of the root file system, or an ext4")
    }
    mountPoint = system.file(place)
    var status = statvfs()
    guard statvfs(mountPoint.string, &status) == 0, status.f_flag & UInt(ST_RDONLY) == 0 else {
      throw AdoptableSystem.refusal("\(place) is mounted read-only", hint: "`mount -o remount,rw \(place)`")
    }
    type = mount.type
    let storage = try Storage(of: [mount.source])
    guard storage.encrypted.isEmpty else {
      throw AdoptableSystem.refusal(
        "\(place) is encrypted (\(mount.source)), so GRUB cannot read the deployments",
        hint: "copy it to an ext4 that is not encrypted, and run grub-install and update-grub")
    }
    modules = storage.modules
    identity = try ChildProcess("blkid", ["--probe", "--match-tag", "UUID", "--output", "value", mount.source.string])
      .line()
    guard UUID(uuidString: identity) != nil else {
      throw AdoptableSystem.refusal("the file system at \(place) has no UUID", hint: "`tune2fs -U random` gives it one")
    }
  }

  /// How much of it is free, in bytes, with what an earlier adoption has left there: that goes first.
  func freeSpace() throws -> Int64 {
    var status = statvfs()
    guard statvfs(mountPoint.string, &status) == 0 else {
      throw FileError("examine", mountPoint, Errno(rawValue: errno))
    }
    let free = Int64(status.f_bavail) * Int64(status.f_frsize)
    let left = mountPoint.appending("ast")
    guard access(left.string, F_OK) == 0 else { return free }
    let line = try ChildProcess("du", ["--summarize", "--block-size=1", "--", left.string]).line()
    return free + (Int64(line.prefix { $0.isNumber }) ?? 0)
  }

  /// Copies what a root has in /boot into the root at a path: kernels and initrds, not the boot loader.
  func copy(into root: FilePath) throws {
    guard let boot = try OpenDirectory(root).directory("boot") else {
      throw OpenDirectory.failure("find", root.appending("boot"), ENOENT)
    }
    for name in try boot.names() { try boot.removeEvenIfProtected(name) }
    let partition = try OpenDirectory(mountPoint)
    guard let own = try partition.status(of: OpenDirectory.itself) else { return }
    for name in try partition.names() where !Self.notCopied.contains(name) {
      guard let status = try partition.status(of: name), status.st_dev == own.st_dev else { continue }
      _ = try CopyTree(of: name, from: partition, to: name, in: boot)
    }
  }

  private static let notCopied: Set<OpenDirectory.Name> = ["ast", "efi", "grub", "lost+found"]
}
