import Host
import Sandbox
import SystemPackage

/// The configuration files that came with packages and lie beside an administrator's own, which was kept.
package struct NewConfigurationFiles {
  /// Their paths.
  package let paths: [FilePath]

  /// The files in `root` that are missing or different in `before`.
  package init(in root: FilePath, since before: FilePath) throws {
    let (new, old) = (RootDirectory(root), RootDirectory(before))
    paths = try new.files(below: "/etc").filter { path in
      guard let name = path.lastComponent?.string, Self.endings.contains(where: name.hasSuffix) else { return false }
      return try new.contents(of: path) != old.contents(of: path)
    }
  }

  /// The endings that dpkg(1) ("--force-confold") and ucf(1) give them.
  private static let endings = [".dpkg-dist", ".dpkg-new", ".ucf-dist"]
}
