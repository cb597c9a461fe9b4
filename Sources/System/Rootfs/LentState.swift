import DebianFormats
import FileTrees
import Glibc
import Host
import SystemPackage

/// The package state of a clone, at its usual places in `/var` while programs work there.
///
/// Packages treat these places as directories. Their scripts remove them with rmdir(1), which fails for a symlink, and
/// dpkg removes a symlink along with the package that has the directory: before the package's last script could delete
/// what is in it (dpkg, src/main/remove.c). When the package comes back, dpkg makes a directory there, which would not
/// travel with the root.
package struct LentState {
  private let root: FilePath

  /// The state of the clone at `root`. Symbolic links on the way to it are not followed.
  package init(of root: FilePath) { self.root = root }

  /// Lends it: each directory and its symlink change places.
  ///
  /// What is not as ast has made it stays as it is, and so does what chattr(1) protects.
  ///
  /// - Throws: `AstError`.
  package func lend() throws {
    try forEach { place, home in
      guard try place.isLink, try home.isDirectory, try !home.isProtected, try !place.isProtected else { return }
      try place.exchange(with: home)
    }
  }

  /// Puts it back, with what programs have made of it: what is a directory in `/var` then is the state.
  ///
  /// - Throws: `AstError`.
  package func giveBack() throws {
    try forEach { place, home in
      if try home.isLink {
        // The package has removed its directory, or the administrator has put something else in its place.
        if try place.isMissing { try place.makeDirectory() }
        guard try place.isDirectory else { return try home.remove() }
      } else {
        // A directory where a link was lost.
        guard try place.isDirectory else { return }
        try home.remove()
        try home.makeLink()
      }
      try place.exchange(with: home)
    }
  }

  private func forEach(_ step: (_ place: Entry, _ home: Entry) throws -> Void) throws {
    let top = try OpenDirectory(root)
    for directory in PackageState.lent {
      let home = PackageState.sysimage.pushing(directory.home)
      guard let place = try Entry(directory.place, in: top, target: directory.target),
        let home = try Entry(home, in: top, target: directory.target)
      else { continue }
      try place.keepingTimes { try home.keepingTimes { try step(place, home) } }
    }
  }
}

/// The name of a directory of the state, in `/var` or in its home.
private struct Entry {
  private let directory: OpenDirectory
  private let name: OpenDirectory.Name
  private let target: String

  /// Nil if the directory above it does not exist.
  init?(_ path: FilePath, in top: OpenDirectory, target: String) throws {
    guard let directory = try top.directory(at: path.removingLastComponent()), let name = path.lastComponent else {
      return nil
    }
    (self.directory, self.name, self.target) = (directory, name, target)
  }

  var isMissing: Bool { get throws { try directory.status(of: name) == nil } }
  var isDirectory: Bool { get throws { try kind == S_IFDIR } }
  /// Whether it is the symlink that ast makes.
  var isLink: Bool { get throws { try kind == S_IFLNK && directory.target(of: name) == Array(target.utf8) } }
  var isProtected: Bool {
    get throws { try directory.protection(of: name) != 0 || directory.protection(of: OpenDirectory.itself) != 0 }
  }

  private var kind: mode_t? { get throws { try directory.status(of: name).map { $0.st_mode & S_IFMT } } }

  func exchange(with other: Entry) throws { try directory.exchange(name, with: other.name, in: other.directory) }
  func makeLink() throws { try directory.makeLink(name, to: Array(target.utf8)) }
  func remove() throws { try directory.remove(name) }

  func makeDirectory() throws {
    try directory.makeDirectory(name)
    try directory.setAttributes(FileAttributes(mode: 0o755, owner: 0, group: 0), of: name)
  }

  /// Runs a step that changes names in the directory above, which then gets its times back.
  func keepingTimes(_ step: () throws -> Void) throws {
    guard let status = try directory.status(of: OpenDirectory.itself) else { return }
    try step()
    try directory.setTimes(of: OpenDirectory.itself, from: status)
  }
}
