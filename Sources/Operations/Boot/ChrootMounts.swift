import Glibc
import Host
import Sandbox
import Store
import SystemPackage

/// A root file system with the kernel's own file systems in it, for programs that look at devices. It is mounted for
/// this process and its children only.
struct ChrootMounts {
  private var mounted: [FilePath] = []

  /// Mounts a root.
  ///
  /// - Returns: the place where it is mounted.
  mutating func make(_ root: FilePath) throws -> FilePath {
    let target = try makePlain(root)
    for place in ["dev", "proc", "sys"] { try bind(FilePath("/\(place)"), at: target.appending(place)) }
    return target
  }

  /// Mounts a root without the kernel's own file systems, for a program that reads and writes files only.
  mutating func makePlain(_ root: FilePath) throws -> FilePath {
    let target: FilePath = "/run/ast/root"
    for directory in [target.removingLastComponent(), target] {
      try Files.ensureDirectory(directory)
    }
    try bind(root, at: target)
    return target
  }

  mutating func bind(_ source: FilePath, at target: FilePath) throws {
    try Files.attempt("mount \(source) at", target) { try PrivateMounts.bind(source, at: target) }
    mounted.append(target)
  }

  /// Mounts a subvolume. Before Linux 6.15, what is not mounted anywhere cannot be bound to a place (mount(2), EINVAL).
  mutating func mount(_ subvolume: String, of device: FilePath, at target: FilePath) throws {
    guard Glibc.mount(device.string, target.string, "btrfs", 0, "subvol=\(subvolume)") == 0 else {
      throw FileError("mount \(subvolume) of \(device) at", target, Errno(rawValue: errno))
    }
    mounted.append(target)
  }

  /// Unmounts everything.
  mutating func end() {
    for target in mounted.reversed() { umount2(target.string, Int32(MNT_DETACH)) }
    mounted = []
  }
}
