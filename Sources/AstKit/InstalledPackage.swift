import DebianFormats
import SnapshotTree

extension Package {
  /// A package as the tree remembers it.
  init(_ installed: InstalledPackage) {
    self.init(name: installed.name, architecture: installed.architecture, version: installed.version)
  }
}
