import Btrfs
import FoundationEssentials
import Glibc
import Host
import SnapshotTree
import Store
import SystemPackage

/// The subvolume with the programs of the running system: the root of its deployment, or the snapshot that
/// `install --live` has mounted over `/usr`.
struct RunningRoot: Equatable {
  /// The running deployment.
  let deployment: Deployment
  /// The subvolume.
  let path: FilePath
  /// The top directories of it that are in use. All others come from the deployment, or are mounted.
  let tops: [FilePath.Component]

  /// The directories that packages fill and only packages change.
  private static let packageTops: [FilePath.Component] = ["usr", "opt"]

  /// Finds the running root of this machine, which runs from a deployment of the store.
  ///
  /// - Throws: `AstError` (refused) if something else is mounted at /usr or below it.
  init(of deployment: Deployment, in store: Store) throws {
    self.deployment = deployment
    let candidates = try LiveSnapshot.ofThisBoot(in: store.root) + [store.path(of: deployment)]
    guard let path = candidates.first(where: { Self.runs("usr", of: $0) }) else {
      throw AstError(
        .refused, "the mounted /usr is not that of deployment \(deployment.id)", state: .unchanged)
    }
    let tops = Self.packageTops.filter { Self.runs($0, of: path) }
    for top in tops {
      guard
        let mount = try MountTable.directory(below: FilePath("/").appending(top), except: CoveredPrograms.isCovered)
      else { continue }
      throw AstError(
        .refused, "\(mount) is a separate file system: packages cannot be installed live", state: .unchanged,
        hint: "use `ast install` without `--live`, then `ast deploy` and reboot")
    }
    (self.path, self.tops) = (path, tops)
  }

  /// Whether a directory of the running system is the one in the subvolume at `path`: each subvolume has a device number
  /// of its own, wherever it is mounted.
  private static func runs(_ top: FilePath.Component, of path: FilePath) -> Bool {
    var (running, own) = (stat(), stat())
    return lstat(FilePath("/").appending(top).string, &running) == 0 && lstat(path.appending(top).string, &own) == 0
      && running.st_mode & S_IFMT == S_IFDIR && running.st_dev == own.st_dev && running.st_ino == own.st_ino
  }
}

extension Store {
  /// The deployment that this machine runs from.
  ///
  /// - Throws: `AstError` (refused) if it does not run from the store, or runs a node on trial.
  func requireRunningDeployment(hint: String) throws -> Deployment {
    let node = try requireBooted(hint: hint)
    guard let deployment = try booted()?.deployment else {
      throw AstError(
        .refused, "node \(node) runs on trial and cannot be changed", state: .unchanged,
        hint: "`ast chroot \(node)` opens the node itself")
    }
    return deployment
  }
}
