import Btrfs
import Etc
import FoundationEssentials
import Glibc
import Host
import Sandbox
import SystemPackage

/// A Debian before its adoption: where its root is, and what is mounted in it.
struct AdoptableSystem {
  /// Where its root is mounted: `/` for the running system.
  let root: FilePath
  /// The subvolume of its root, from the top level of the file system; empty for the top level itself.
  let subvolume: FilePath
  /// The identity of that subvolume.
  let identity: UUID
  /// The file system.
  let fileSystem: UUID
  /// The devices of the file system.
  let devices: [FilePath]
  /// Its /etc/fstab.
  let fstab: Fstab
  /// The mounts in it, by their paths inside.
  private let mounts: [FilePath: Mount]

  /// Examines the system whose root is mounted at `root`.
  ///
  /// - Throws: `AstError`; refused if that is not a root on a btrfs.
  init(at root: FilePath) throws {
    self.root = root
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
    fstab = Fstab(try RootDirectory(root).contents(of: "/etc/fstab") ?? Data())
    let inside = all.filter { $0.place != root && $0.place.starts(with: root) }
    mounts = Dictionary(inside.map { (Self.path($0.place, from: root), $0) }, uniquingKeysWith: { $1 })
  }

  /// What can be done with a root that is not a btrfs.
  private static func otherWays(for mount: Mount?) -> String {
    let new = "`ast bootstrap --disk` makes a new system on another disk"
    guard let mount, ["ext2", "ext3", "ext4"].contains(mount.type) else { return new }
    return "`btrfs-convert --uuid copy \(mount.source)` in a rescue system makes it one, with its contents; or \(new)"
  }

  /// The path inside the system for a path of this machine.
  private static func path(_ place: FilePath, from root: FilePath) -> FilePath {
    FilePath(root: "/", place.components.dropFirst(root.components.count))
  }

  /// The path of this machine for a path inside.
  func file(_ path: FilePath) -> FilePath { root.appending(path.components) }

  /// The mount at a path inside; nil if there is none.
  func mount(at path: FilePath) -> Mount? { mounts[path] }

  /// Whether a path inside is a separate file system, or a subvolume.
  func isSeparate(_ path: FilePath) throws -> Bool {
    try mounts[path] != nil || hasLine(path) || Subvolume.isSubvolume(at: file(path))
  }

  /// Whether /etc/fstab mounts something there.
  func hasLine(_ path: FilePath) -> Bool { fstab.entries.contains { $0.mountPoint == path } }

  /// Whether it is the running system.
  var isRunning: Bool { root == "/" }

  /// Takes the locks by which apt and dpkg keep each other from working.
  ///
  /// - Throws: `AstError` (busy) if one of them is at work.
  func lockPackages() throws -> [Lock] {
    let dpkg = file("/var/lib/dpkg")
    // Without such a file neither has ever run; making one would change the system.
    let names = ["lock-frontend", "lock"].filter { access(dpkg.appending($0).string, F_OK) == 0 }
    return try names.map { name in
      guard let lock = try Lock.take(name, in: dpkg, wait: .never, mode: nil) else {
        throw AstError(.busy, "apt or dpkg is at work", state: .unchanged, hint: "wait until it is done")
      }
      return lock
    }
  }

  static func refusal(_ reason: String, hint: String? = nil) -> AstError {
    AstError(.refused, reason, state: .unchanged, hint: hint)
  }
}
