import Glibc
import Host
import Sandbox
import SystemPackage

/// The files and directories that the packages of a root file system have brought, by dpkg's lists.
package struct PackageFiles {
  private let paths: Set<[UInt8]>

  /// Reads what they have at a path or below it.
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

  /// Whether a package has brought what is at a path.
  package func contains(_ path: FilePath) -> Bool { paths.contains(Array(path.string.utf8)) }
}
