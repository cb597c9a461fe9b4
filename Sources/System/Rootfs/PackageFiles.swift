import Glibc
import Host
import Sandbox
import SystemPackage

/// The files and directories of the packages of a root file system, by dpkg's lists.
package struct PackageFiles {
  private let paths: Set<[UInt8]>

  /// Reads the paths of package files at a path or below it.
  package init(in root: FilePath, below path: FilePath) throws {
    let directory = RootDirectory(root)
    let prefix = Array(path.string.utf8)
    var paths: Set<[UInt8]> = []
    let lists: FilePath = "/var/lib/dpkg/info"
    for entry in try directory.entries(of: lists) where entry.name.hasSuffix(".list") {
      guard let text = try directory.contents(of: lists.appending(entry.name)) else { continue }
      for line in text.split(separator: UInt8(ascii: "\n")) where line.starts(with: prefix) {
        paths.insert(Array(line))
      }
    }
    self.paths = paths
  }

  /// Whether the file at a path belongs to a package.
  package func contains(_ path: FilePath) -> Bool { paths.contains(Array(path.string.utf8)) }
}
