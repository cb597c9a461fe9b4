import DebianFormats
import FoundationEssentials
import Host
import Sandbox
import SnapshotTree
import SystemPackage

/// What is installed in a root file system.
package enum PackageDatabase {
  /// The packages in the root at `path`; nil where there is no dpkg. Links inside lead nowhere outside.
  package static func installed(in path: FilePath) throws -> [InstalledPackage]? {
    try status(in: path).map(DpkgStatus.packages)
  }

  /// What dpkg has written of them; nil where there is no dpkg.
  package static func status(in path: FilePath) throws -> Data? {
    let root = RootDirectory(path)
    do {
      return try root.contents(of: PackageState.dpkgStatus) ?? root.contents(of: "var/lib/dpkg/status")
    } catch let error as FileError {
      throw AstError(.failed, "cannot read the package database in \(path): \(error.errno)")
    }
  }
}

extension PackageMarks {
  /// What dpkg and apt remember in a root.
  package init(in path: FilePath) throws {
    let root = RootDirectory(path)
    let states = PackageState.sysimage.pushing(PackageState.aptExtendedStates.home)
    self.init(
      status: try root.contents(of: PackageState.dpkgStatus) ?? Data(),
      extendedStates: try root.contents(of: states) ?? Data())
  }
}

extension DeclinedPackages {
  /// What is kept in a root.
  package init(in path: FilePath) throws {
    let text = try RootDirectory(path).contents(of: FilePath(Self.file)) ?? Data()
    self.init(String(decoding: text, as: UTF8.self))
  }
}
