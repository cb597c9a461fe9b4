import Host
import Sandbox
import SystemPackage

/// The configuration files that came with packages and lie beside an administrator's own, which was kept.
package struct NewConfigurationFiles {
  /// Them.
  package let paths: [FilePath]

  /// Those in `root` that are not, or not like that, in `before`.
  package init(in root: FilePath, since before: FilePath) throws {
    let (new, old) = (RootDirectory(root), RootDirectory(before))
    paths = try Self.files(in: "/etc", new).filter { try new.contents(of: $0) != old.contents(of: $0) }
  }

  /// dpkg(1), "--force-confold"; ucf(1).
  private static let endings = [".dpkg-dist", ".dpkg-new", ".ucf-dist"]

  private static func files(in directory: FilePath, _ root: RootDirectory) throws -> [FilePath] {
    try root.entries(of: directory).flatMap { entry in
      let path = directory.appending(entry.name)
      if entry.isDirectory { return try files(in: path, root) }
      return endings.contains { entry.name.hasSuffix($0) } ? [path] : []
    }
  }
}
