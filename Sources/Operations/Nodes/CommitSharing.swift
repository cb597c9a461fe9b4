import Btrfs
import DebianFormats
import Host
import Rootfs
import SnapshotTree
import Store
import SystemPackage

extension Transaction {
  /// Lets the files of new packages, if there are any, share the space of equal files in other nodes; then seals and
  /// commits.
  ///
  /// One transaction at a time, if possible: if two nodes get the same package at once, the second finds the files of the
  /// first. No program of the node runs meanwhile.
  ///
  /// - Parameter before: the root as it was.
  package func commitSharing(since before: FilePath) throws -> Generation {
    let boot = try bootFiles()
    guard try hasChangedPackages(since: before) else { return try commit(try seal(boot)) }
    let lock = try store.lockBriefly("share", Self.patience, "another command that lets files share their space")
    defer { withExtendedLifetime(lock) {} }
    let packages = Store.newPackages(
      from: try PackageDatabase.installed(in: before) ?? [], to: try PackageDatabase.installed(in: clone.path) ?? [])
    if !packages.isEmpty {
      try FileSystem.sync(clone.path)
      let shared = try store.shareFiles(of: packages, in: clone.path, of: node.id)
      store.warn(of: shared, in: node.id)
    }
    return try commit(try seal(boot))
  }

  /// After this time, two nodes may have a file twice.
  private static var patience: Duration { .seconds(300) }
}

extension Store {
  /// Warns of files that could not be shared.
  func warn(of shared: SharedFiles, in node: NodeID) {
    guard let failure = shared.firstFailure else { return }
    warn("\(shared.failures) files of node \(node) take more space than they need: \(failure)")
  }
}
