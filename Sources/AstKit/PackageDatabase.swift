import FoundationEssentials
import DebianFormats
import Sandbox
import SnapshotTree
import SystemPackage

/// What is installed in a root file system.
enum PackageDatabase {
  /// The packages in the root at `path`; nil where there is no dpkg. Links inside lead nowhere outside.
  static func installed(in path: FilePath) throws -> [InstalledPackage]? {
    try status(in: path).map(DpkgStatus.packages)
  }

  /// What dpkg has written of them; nil where there is no dpkg.
  static func status(in path: FilePath) throws -> Data? {
    let root = RootDirectory(path)
    do {
      return try root.contents(of: PackageState.dpkgStatus) ?? root.contents(of: "var/lib/dpkg/status")
    } catch {
      throw AstError(.failed, "cannot read the package database in \(path): \(error)")
    }
  }
}

extension Package {
  /// A package as the tree remembers it.
  init(_ installed: InstalledPackage) {
    self.init(name: installed.name, architecture: installed.architecture, version: installed.version)
  }
}
