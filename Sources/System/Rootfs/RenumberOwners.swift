import CXattr
import Etc
import Glibc
import Host
import Sandbox
import SystemPackage

/// Gives the files of a clone that belong to renumbered accounts to their new numbers: owner and group of everything,
/// symbolic links themselves included, and the entries of access control lists. Each file is changed once, because an
/// old number can be another account's new one.
///
/// The clone is not trusted: names are looked up one at a time, from the directory they are in, and links are not
/// followed. Subvolumes inside and other file systems are left alone.
package struct RenumberOwners {
  private let users: [UInt32: UInt32]
  private let groups: [UInt32: UInt32]
  private let root: FilePath
  /// The names from `root` to the present position of the walk, for error messages.
  private var trail: [[CChar]] = []
  /// The device of the clone: each subvolume of a btrfs has its own.
  private var device: dev_t = 0
  /// Files with several names that were already seen.
  private var linked: Set<ino_t> = []

  /// New uids and gids by old ones, for the files in `clone`.
  package init(in clone: FilePath, users: [UInt32: UInt32], groups: [UInt32: UInt32]) {
    root = clone
    self.users = users
    self.groups = groups
  }

  /// - Throws: `AstError`; changes made by then stay.
  package mutating func run() throws {
    let descriptor = open(root.string, Self.openingDirectories)
    guard descriptor >= 0 else { throw failure(errno) }
    let top = FileDescriptor(rawValue: descriptor)
    try top.closeAfter {
      var status = stat()
      guard fstat(descriptor, &status) == 0 else { throw failure(errno) }
      device = status.st_dev
      try renumber(status, Self.thisDirectory, in: top)
      try visit(top)
    }
  }

  private static let openingDirectories =
    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | FileDescriptor.OpenOptions.noAccessTime.rawValue

  /// No path leads deeper (PATH_MAX, limits.h); a tree without an end would fill the stack and take all descriptors.
  private static let deepest = 2048

  private mutating func visit(_ directory: FileDescriptor) throws {
    for name in try renumberEntries(of: directory) {
      guard trail.count < Self.deepest else { throw failure(ENAMETOOLONG) }
      trail.append(name)
      let descriptor = openat(directory.rawValue, name, Self.openingDirectories)
      guard descriptor >= 0 else { throw failure(errno) }
      let inner = FileDescriptor(rawValue: descriptor)
      try inner.closeAfter { try visit(inner) }
      trail.removeLast()
    }
  }

  /// Renumbers the entries of a directory.
  ///
  /// - Returns: the names of the directories in it.
  private mutating func renumberEntries(of directory: FileDescriptor) throws -> [[CChar]] {
    let descriptor = fcntl(directory.rawValue, F_DUPFD_CLOEXEC, 0)
    guard descriptor >= 0 else { throw failure(errno) }
    guard let stream = fdopendir(descriptor) else {
      let number = errno
      close(descriptor)
      throw failure(number)
    }
    defer { closedir(stream) }
    var directories: [[CChar]] = []
    errno = 0
    while let entry = readdir(stream) {
      let name = Self.name(of: entry)
      if name != Self.thisDirectory, name != Self.parentDirectory {
        trail.append(name)
        if try renumberEntry(name, in: directory) { directories.append(name) }
        trail.removeLast()
      }
      errno = 0
    }
    guard errno == 0 else { throw failure(errno) }
    return directories
  }

  private static func name(of entry: UnsafeMutablePointer<dirent>) -> [CChar] {
    withUnsafePointer(to: &entry.pointee.d_name) { name in
      name.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) {
        Array(UnsafeBufferPointer(start: $0, count: strlen($0) + 1))
      }
    }
  }

  private static let thisDirectory = Array(".".utf8CString)
  private static let parentDirectory = Array("..".utf8CString)

  /// Renumbers one entry.
  ///
  /// - Returns: whether it is a directory of this subvolume.
  private mutating func renumberEntry(_ name: [CChar], in directory: FileDescriptor) throws -> Bool {
    var status = stat()
    guard fstatat(directory.rawValue, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { throw failure(errno) }
    // What is left of a subvolume in a snapshot is BTRFS_EMPTY_SUBVOL_DIR_OBJECTID (linux/btrfs_tree.h), and read-only.
    guard status.st_dev == device, status.st_ino != 2 else { return false }
    let isDirectory = status.st_mode & S_IFMT == S_IFDIR
    if !isDirectory, status.st_nlink > 1, !linked.insert(status.st_ino).inserted { return false }
    try renumber(status, name, in: directory)
    return isDirectory
  }

  private func renumber(_ status: stat, _ name: [CChar], in directory: FileDescriptor) throws {
    let (owner, group) = (users[status.st_uid], groups[status.st_gid])
    let kind = status.st_mode & S_IFMT
    let place = Array("/proc/self/fd/\(directory.rawValue)/".utf8CString.dropLast()) + name
    let lists = kind == S_IFLNK ? [] : try renumberedLists(of: place, isDirectory: kind == S_IFDIR)
    if owner != nil || group != nil {
      // The kernel removes these together with the old owner (chown(2), capabilities(7)).
      let capability = kind == S_IFREG ? try attribute("security.capability", of: place) : nil
      guard fchownat(directory.rawValue, name, owner ?? .max, group ?? .max, AT_SYMLINK_NOFOLLOW) == 0 else {
        throw failure(errno)
      }
      if kind != S_IFLNK, status.st_mode & (S_ISUID | S_ISGID) != 0 {
        guard fchmodat(directory.rawValue, name, status.st_mode & 0o7777, AT_SYMLINK_NOFOLLOW) == 0 else {
          throw failure(errno)
        }
      }
      if let capability { try set("security.capability", of: place, to: capability) }
    }
    for (name, list) in lists { try set(name, of: place, to: list) }
  }

  /// The access control lists of a file that name renumbered accounts, with the new numbers.
  private func renumberedLists(of place: [CChar], isDirectory: Bool) throws -> [(name: String, list: [UInt8])] {
    let names = ["system.posix_acl_access"] + (isDirectory ? ["system.posix_acl_default"] : [])
    return try names.compactMap { name in
      guard let list = try attribute(name, of: place) else { return nil }
      return AccessControlList.renumbered(list, users: users, groups: groups).map { (name, $0) }
    }
  }

  private func attribute(_ name: String, of place: [CChar]) throws -> [UInt8]? {
    let size = lgetxattr(place, name, nil, 0)
    if size < 0, errno == ENODATA || errno == EOPNOTSUPP { return nil }
    guard size >= 0 else { throw failure(errno) }
    var value = [UInt8](repeating: 0, count: size)
    let count = lgetxattr(place, name, &value, size)
    guard count >= 0 else { throw failure(errno) }
    return Array(value.prefix(count))
  }

  private func set(_ name: String, of place: [CChar], to value: [UInt8]) throws {
    guard lsetxattr(place, name, value, value.count, 0) == 0 else { throw failure(errno) }
  }

  private func failure(_ number: Int32) -> AstError {
    let path = trail.reduce(root) { $0.pushing(FilePath(platformString: $1)) }
    let reason = "cannot give \(path) to an account's new number: \(Errno(rawValue: number))"
    return number == ENOSPC ? .noSpaceLeft(reason) : AstError(.failed, reason, state: .discarded)
  }
}
