import FoundationEssentials
import Packages
import Sandbox
import SnapshotTree
import SystemPackage

/// What is installed in a root file system.
enum PackageDatabase {
  /// The packages in the root at `path`; nil where there is no dpkg. Links inside lead nowhere outside.
  static func installed(in path: FilePath) throws -> [InstalledPackage]? {
    let root = RootDirectory(path)
    let status: Data
    do {
      guard let text = try root.contents(of: PackageState.dpkgStatus) ?? root.contents(of: "var/lib/dpkg/status") else {
        return nil
      }
      status = text
    } catch {
      throw AstError(.failed, "cannot read the package database in \(path): \(error)")
    }
    return DpkgStatus.packages(in: status)
  }
}

extension Package {
  /// A package as the tree remembers it.
  init(_ installed: InstalledPackage) {
    self.init(name: installed.name, architecture: installed.architecture, version: installed.version)
  }
}
