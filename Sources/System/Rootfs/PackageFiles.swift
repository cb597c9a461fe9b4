import DebianFormats
import Glibc
import Host
import Sandbox
import SystemPackage

/// The files and directories of the packages of a root file system, by dpkg's lists.
package struct PackageFiles {
  private let names: Set<[UInt8]>

  /// Reads the paths of package files at a path or below it.
  package init(in root: FilePath, below path: FilePath) throws {
    try self.init(in: root, below: path, lists: "/var/lib/dpkg/info")
  }

  /// Reads the paths of package files below /var, of a root whose own /var may be covered by another one.
  package init(ofVarIn root: FilePath) throws {
    try self.init(in: root, below: "/var/", lists: FilePath("/").pushing(PackageState.sysimage).appending("dpkg/info"))
  }

  private init(in root: FilePath, below path: FilePath, lists: FilePath) throws {
    let directory = RootDirectory(root)
    let prefix = Array(path.string.utf8)
    var names: Set<[UInt8]> = []
    for entry in try directory.entries(of: lists) where entry.name.hasSuffix(".list") {
      guard let text = try directory.contents(of: lists.appending(entry.name)) else { continue }
      for line in text.split(separator: UInt8(ascii: "\n")) where line.starts(with: prefix) {
        names.insert(Array(line))
      }
    }
    self.names = names
  }

  /// Whether the file at a path belongs to a package.
  package func contains(_ path: FilePath) -> Bool {
    names.contains(path.withPlatformString { Array(UnsafeRawBufferPointer(start: $0, count: strlen($0))) })
  }

  /// The paths, in their order.
  package var paths: [FilePath] {
    names.sorted { $0.lexicographicallyPrecedes($1) }.map { name in
      FilePath(platformString: name.map { CInterop.PlatformChar(bitPattern: $0) } + [0])
    }
  }
}
