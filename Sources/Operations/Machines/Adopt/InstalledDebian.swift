import Btrfs
import Etc
import FoundationEssentials
import Glibc
import Host
import Sandbox
import SystemPackage

/// A Debian without ast: where its root is, and what is mounted in it.
struct InstalledDebian {
  /// Where its root is mounted: `/` for the running system.
  let root: FilePath
  /// Its /etc/fstab.
  let fstab: Fstab
  /// The mounts in it, by their paths inside.
  private let mounts: [FilePath: Mount]

  /// Examines the system whose root is at `root`.
  init(at root: FilePath) throws {
    self.root = root
    fstab = Fstab(try RootDirectory(root).contents(of: "/etc/fstab") ?? Data())
    let inside = try MountTable.mounts().filter { $0.place != root && $0.place.starts(with: root) }
    mounts = Dictionary(inside.map { (Self.path($0.place, from: root), $0) }, uniquingKeysWith: { $1 })
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
}
