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
  /// One transaction at a time: if two nodes get the same package at once, the second must find the files of the first.
  ///
  /// - Parameter before: the root as it was.
  package func commitSharing(since before: FilePath) throws -> Generation {
    guard try hasChangedPackages(since: before) else { return try commit(try seal()) }
    let lock = try Lock.wait(for: "share", in: store.locks)
    defer { withExtendedLifetime(lock) {} }
    let packages = Store.newPackages(
      from: try PackageDatabase.installed(in: before) ?? [], to: try PackageDatabase.installed(in: clone.path) ?? [])
    if !packages.isEmpty {
      try FileSystem.sync(clone.path)
      let shared = try store.shareFiles(of: packages, in: clone.path, of: node.id)
      store.warn(of: shared, in: node.id)
    }
    return try commit(try seal())
  }
}

extension Store {
  /// Warns of files that could not be shared.
  func warn(of shared: SharedFiles, in node: NodeID) {
    guard let failure = shared.firstFailure else { return }
    warn("\(shared.failures) files of node \(node) take more space than they need: \(failure)")
  }
}
