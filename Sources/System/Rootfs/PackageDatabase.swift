import DebianFormats
import FoundationEssentials
import Host
import Sandbox
import SnapshotTree
import SystemPackage

/// The package database of a root file system.
package enum PackageDatabase {
  /// The packages in the root at `path`; nil if there is no dpkg. Links inside do not lead out of it.
  package static func installed(in path: FilePath) throws -> [InstalledPackage]? {
    try status(in: path).map(DpkgStatus.packages)
  }

  /// dpkg's status database; nil if there is no dpkg.
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
  /// The marks of dpkg and apt in a root.
  package init(in path: FilePath) throws {
    let root = RootDirectory(path)
    let states = PackageState.sysimage.pushing(PackageState.aptExtendedStates.home)
    self.init(
      status: try root.contents(of: PackageState.dpkgStatus) ?? Data(),
      extendedStates: try root.contents(of: states) ?? Data())
  }
}

extension DeclinedPackages {
  /// The declined packages of a root.
  package init(in path: FilePath) throws {
    let text = try RootDirectory(path).contents(of: FilePath(Self.file)) ?? Data()
    self.init(String(decoding: text, as: UTF8.self))
  }
}
