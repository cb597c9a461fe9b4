import Btrfs
import FoundationEssentials
import Glibc
import Host
import SystemPackage

/// The files that killed commands have left in places that no row of the database names. By their rules no command can
/// be using them. What cannot be removed can wait.
package enum Leftovers {
  /// The prefix of the names of workspaces in the package cache.
  package static let workspacePrefix = "work-"

  /// The directory of the locks that say what a command fetches.
  package static func claims(in cache: FilePath) -> FilePath { cache.appending("claims") }

  /// Removes the files of such locks that nobody holds.
  private static func removeClaims(in cache: FilePath) {
    let claims = claims(in: cache)
    for name in (try? Files.names(in: claims)) ?? [] {
      if let lock = try? Lock.take(name, in: claims, wait: .never) { lock.removeFile() }
    }
  }

  /// Removes the workspaces in the package cache whose commands have ended, if there is a cache.
  static func removeWorkspaces(in cache: FilePath) {
    removeClaims(in: cache)
    guard !workspaces(in: cache).isEmpty, let alone = try? lockWorkspaces(in: cache) else { return }
    defer { withExtendedLifetime(alone) {} }
    removeUnusedWorkspaces(in: cache)
  }

  /// The same for a caller that holds the lock of the workspaces. A workspace that is not locked is not in use.
  package static func removeUnusedWorkspaces(in cache: FilePath) {
    for workspace in workspaces(in: cache).map(cache.appending)
    where (try? Lock.isFree("lock", in: workspace)) == true {
      try? FileManager.default.removeItem(atPath: workspace.string)
    }
  }

  /// Whether no command works with packages just now.
  package static func areAllWorkspacesFree(in cache: FilePath) -> Bool {
    workspaces(in: cache).map(cache.appending).allSatisfy { (try? Lock.isFree("lock", in: $0)) == true }
  }

  /// Takes the lock under which workspaces are made and removed.
  package static func lockWorkspaces(in cache: FilePath) throws -> Lock? {
    try Lock.take("workspaces", in: cache, wait: .seconds(10))
  }

  private static func workspaces(in cache: FilePath) -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: cache.string)) ?? []
    return names.filter { $0.hasPrefix(workspacePrefix) }
  }

  /// Deletes the live snapshots of earlier boots.
  static func removeOldLiveSnapshots(in root: FilePath) {
    let bootID = Store.bootID
    guard !bootID.isEmpty, let names = try? liveSnapshots(in: root) else { return }
    for name in names where !name.hasPrefix("\(bootID).") {
      try? Subvolume(at: Store.liveSnapshots(in: root).appending(name)).delete()
    }
  }

  /// The names of the live snapshots.
  package static func liveSnapshots(in root: FilePath) throws -> [String] {
    let path = Store.liveSnapshots(in: root)
    return access(path.string, F_OK) == 0 ? try Files.names(in: path) : []
  }
}
