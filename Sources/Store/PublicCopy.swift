import Btrfs
import CFiles
import Glibc
import Host
import SnapshotTree
import SystemPackage

/// The copy of the tree for users. It may be one change old, and is not synced: the first change after a boot makes it
/// anew.
extension Store {
  private static let name: FilePath.Component = "public.sqlite"
  private static let newName: FilePath.Component = "public.sqlite.new"
  /// What an older ast leaves if it is killed while it writes: SQLite would play it back into the next copy.
  private static let journalName: FilePath.Component = "public.sqlite.new-journal"

  private static func directory(in root: FilePath) -> FilePath { root.appending("ast") }

  /// Whether every user can read the copy of the tree of the store at `root`.
  public static func isPublic(at root: FilePath) -> Bool {
    var status = stat()
    guard
      var path = realpath(root.string, nil).map({ path in
        defer { free(path) }
        return directory(in: FilePath(platformString: path))
      })
    else { return false }
    guard stat(path.appending(name).string, &status) == 0, status.st_mode & 0o004 != 0 else { return false }
    repeat {
      guard stat(path.string, &status) == 0, status.st_mode & 0o001 != 0 else { return false }
    } while path.removeLastComponent()
    return true
  }

  /// Opens the copy.
  ///
  /// - Throws: `AstError` (needs root) if there is none.
  static func openPublicCopy(of root: FilePath) throws -> TreeDatabase {
    let path = directory(in: root).appending(name)
    do throws(TreeError) {
      return try TreeDatabase(openingPublicCopy: path)
    } catch {
      switch error {
      case .missing, .empty, .truncated, .corrupt, .notADatabase, .notATree:
        throw AstError(
          .needsRoot, "only root can read the tree of \(root) now: there is no copy for users",
          hint: "use sudo; the next command of root that changes something writes the copy")
      default: throw error
      }
    }
  }

  /// Writes the copy. The change is made already, so nothing fails because of the copy.
  func publishPublicCopy() {
    do {
      let directory = try OpenDirectory(Self.directory(in: root))
      let new = directory.path.appending(Self.newName)
      for name in [Self.newName, Self.journalName] { try directory.remove(name) }
      if try directory.status(of: Self.name) != nil {
        try directory.copy(Self.name, from: directory, to: Self.newName)
        // A reflink has the permissions of a new file.
        try Files.setMode(new, 0o644)
      }
      try tree.writePublicCopy(to: new, boot: Store.bootID)
      try Files.setMode(new, 0o644)
      failPoint("copy for users written")
      try replace(Self.name, by: Self.newName, in: directory)
      failPoint("copy for users in place")
    } catch {
      warn("users do not see this change yet: \(AstError(error).reason)")
    }
  }

  /// Exchanges the names, because btrfs writes a file out at once that is renamed over another one (`btrfs_rename` in
  /// fs/btrfs/inode.c).
  private func replace(_ name: FilePath.Component, by new: FilePath.Component, in directory: OpenDirectory) throws {
    let path = directory.path.appending(name)
    if try directory.status(of: name) == nil { return try Files.rename(directory.path.appending(new), to: path) }
    let result = name.withPlatformString { old in
      new.withPlatformString { cfiles_exchange(directory.descriptor, $0, directory.descriptor, old) }
    }
    guard result == 0 else { throw FileError("replace", path, Errno(rawValue: errno)) }
    try directory.remove(new)
  }
}
