import Btrfs
import FoundationEssentials
import Glibc
import Host
import SnapshotTree
import Store
import SystemPackage

/// The subvolume that the programs of the running system are in: the root of its deployment, or the snapshot of it that
/// `install --live` has put over `/usr`.
struct RunningRoot: Equatable {
  /// The deployment that runs.
  let deployment: Deployment
  /// The subvolume.
  let path: FilePath
  /// The directories at the top of it that run. Anything else at the top is the deployment's, or mounted there.
  let tops: [FilePath.Component]

  /// The directories that packages fill and only packages change.
  private static let packageTops: [FilePath.Component] = ["usr", "opt"]

  /// Finds it on this machine, which runs from a deployment of the store.
  ///
  /// - Throws: `AstError` (refused) where something else is mounted at /usr or below it.
  init(of deployment: Deployment, in store: Store) throws {
    self.deployment = deployment
    let candidates = try LiveSnapshot.ofThisBoot(in: store.root) + [store.path(of: deployment)]
    guard let path = candidates.first(where: { Self.runs("usr", of: $0) }) else {
      throw AstError(
        .refused, "something else than deployment \(deployment.id) is mounted at /usr", state: .unchanged)
    }
    let tops = Self.packageTops.filter { Self.runs($0, of: path) }
    for top in tops {
      guard let mount = try MountTable.directory(below: FilePath("/").appending(top)) else { continue }
      throw AstError(
        .refused, "\(mount) is mounted by itself: packages cannot be installed live", state: .unchanged,
        hint: "`ast install` without `--live`, `ast deploy` and a reboot")
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
  /// - Throws: `AstError` (refused) where it runs from nothing of the store, or from a node on trial.
  func requireRunningDeployment(hint: String) throws -> Deployment {
    let node = try requireBooted(hint: hint)
    guard let deployment = try booted()?.deployment else {
      throw AstError(
        .refused, "node \(node) runs on trial, and cannot be changed", state: .unchanged,
        hint: "`ast chroot \(node)` opens the node itself")
    }
    return deployment
  }
}
