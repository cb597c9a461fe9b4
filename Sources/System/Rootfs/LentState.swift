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

  /// Runs a step for each directory whose places exist. The directories above them keep their times.
  private func forEach(_ step: (_ place: Entry, _ home: Entry) throws -> Void) throws {
    let top = try OpenDirectory(root)
    let neighbours = Dictionary(grouping: PackageState.lent) { directory in
      [directory.place, PackageState.sysimage.pushing(directory.home)].map { $0.removingLastComponent() }
    }
    for (above, directories) in neighbours {
      guard let places = try top.directory(at: above[0]), let homes = try top.directory(at: above[1]) else { continue }
      try places.keepingTimes {
        try homes.keepingTimes {
          for directory in directories {
            guard let place = directory.place.lastComponent, let home = directory.home.lastComponent else { continue }
            try step(
              Entry(directory: places, name: place, target: directory.target),
              Entry(directory: homes, name: home, target: directory.target))
          }
        }
      }
    }
  }
}

/// The name of a directory of the state, in `/var` or in its home.
private struct Entry {
  let directory: OpenDirectory
  let name: OpenDirectory.Name
  let target: String

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
}

extension OpenDirectory {
  /// Runs a step that may change names in the directory, which then gets its times back.
  fileprivate func keepingTimes(_ step: () throws -> Void) throws {
    guard let before = try status(of: Self.itself) else { return }
    try step()
    guard let after = try status(of: Self.itself) else { return }
    let (old, new) = (before.st_mtim, after.st_mtim)
    if (new.tv_sec, new.tv_nsec) != (old.tv_sec, old.tv_nsec) { try setTimes(of: Self.itself, from: before) }
  }
}
