import Btrfs
import Etc
import FoundationEssentials
import Host
import SystemPackage

/// A Debian on a btrfs before its adoption.
struct AdoptableSystem {
  /// The Debian there.
  let debian: InstalledDebian
  /// The subvolume of its root, from the top level of the file system; empty for the top level itself.
  let subvolume: FilePath
  /// The identity of that subvolume.
  let identity: UUID
  /// The file system.
  let fileSystem: UUID
  /// The devices of the file system.
  let devices: [FilePath]

  /// Examines the system whose root is mounted at `root`.
  ///
  /// - Throws: `AstError`; refused if that is not a root on a btrfs.
  init(at root: FilePath) throws {
    let all = try MountTable.mounts()
    guard try FileSystem.isBtrfs(root), let mount = all.last(where: { $0.place == root }),
      try Subvolume.isSubvolume(at: root)
    else {
      throw Self.refusal(
        "the root file system (\(root)) is not a btrfs",
        hint: Self.otherWays(for: all.last { $0.place == root }))
    }
    subvolume = FilePath(root: nil, mount.part.components)
    identity = try Subvolume(at: root).info().uuid
    fileSystem = try FileSystem.uuid(of: root)
    devices = try FileSystem.devices(of: root)
    debian = try InstalledDebian(at: root)
  }

  /// What can be done with a root that is not a btrfs.
  private static func otherWays(for mount: Mount?) -> String {
    let copy = "`ast migrate --disk` copies this system to another disk"
    guard let mount, ["ext2", "ext3", "ext4"].contains(mount.type) else { return copy }
    return "\(copy); or `btrfs-convert --uuid copy \(mount.source)` in a rescue system makes it a btrfs"
  }

  /// Where its root is mounted: `/` for the running system.
  var root: FilePath { debian.root }
  /// Its /etc/fstab.
  var fstab: Fstab { debian.fstab }

  /// The path of this machine for a path inside.
  func file(_ path: FilePath) -> FilePath { debian.file(path) }

  /// The mount at a path inside; nil if there is none.
  func mount(at path: FilePath) -> Mount? { debian.mount(at: path) }

  /// Whether a path inside is a separate file system, or a subvolume.
  func isSeparate(_ path: FilePath) throws -> Bool { try debian.isSeparate(path) }

  /// Whether /etc/fstab mounts something there.
  func hasLine(_ path: FilePath) -> Bool { debian.hasLine(path) }

  static func refusal(_ reason: String, hint: String? = nil) -> AstError {
    AstError(.refused, reason, state: .unchanged, hint: hint)
  }
}
