import Btrfs
import Packages
import SnapshotTree
import SystemPackage

extension Transaction {
  /// Lets the files of the packages that came share the space of equal ones in other nodes; then seals and commits.
  ///
  /// One transaction at a time: of two nodes that get the same package at once, the second one is to find the first
  /// one's files.
  ///
  /// - Parameter before: the root as it was.
  func commitSharing(since before: FilePath) throws -> Generation {
    let lock = try Lock.wait(for: "share", in: store.locks)
    defer { withExtendedLifetime(lock) {} }
    let packages = Store.newPackages(
      from: try PackageDatabase.installed(in: before) ?? [], to: try PackageDatabase.installed(in: clone.path) ?? [])
    if !packages.isEmpty {
      try FileSystem.sync(clone.path)
      let shared = try store.shareFiles(of: packages, in: clone.path, of: node.id)
      if let failure = shared.firstFailure {
        store.warn("\(shared.failures) files of node \(node.id) take more space than they need: \(failure)")
      }
    }
    return try commit(try seal())
  }
}
