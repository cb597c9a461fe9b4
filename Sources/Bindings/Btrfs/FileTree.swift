import CBtrfs
import Glibc
import SystemPackage

/// The files of an untrusted root file system: symbolic links in it are not followed, and subvolumes inside do not
/// belong to it.
struct FileTree: ~Copyable {
  static let operation = "compare"

  /// The directory of the tree.
  let path: FilePath
  private let root: OpenFile

  /// The tree in the directory `path`.
  init(_ path: FilePath) throws(BtrfsError) {
    // Debian's swiftlang 6.2.3 needs this order.
    root = try OpenFile(path, for: Self.operation)
    self.path = path
  }

  /// The file at a path; nil if there is none.
  func file(at place: TreePath) throws(BtrfsError) -> TreeFile? {
    let descriptor = cbtrfs_open_beneath(root.descriptor, place.characters, pathOnly | O_NOFOLLOW)
    // ELOOP: the other tree may have a symbolic link where this one has a directory.
    if [-ENOENT, -ENOTDIR, -ELOOP].contains(descriptor) { return nil }
    guard descriptor >= 0 else { throw failure(-descriptor, at: place) }
    let file = try TreeFile(OpenFile(descriptor), at: path.pushing(place.filePath))
    if file.isSubvolume, place != .root { return nil }
    return file
  }

  /// The inode at a path; nil if there is none.
  func identity(at place: TreePath) throws(BtrfsError) -> TreeFile.Identity? {
    guard let file = try file(at: place) else { return nil }
    return file.identity
  }

  /// Whether a directory is at a path.
  func hasDirectory(at place: TreePath) throws(BtrfsError) -> Bool {
    guard let file = try file(at: place) else { return false }
    return file.isDirectory
  }

  /// All paths from `top` on down, itself first; empty if it does not exist.
  func paths(from top: TreePath) throws(BtrfsError) -> [TreePath] {
    guard try identity(at: top) != nil else { return [] }
    var paths = [top]
    var next = 0
    while next < paths.count {
      let place = paths[next]
      next += 1
      guard try hasDirectory(at: place) else { continue }
      for name in try names(in: place) {
        let inside = place.appending(name)
        if try identity(at: inside) != nil { paths.append(inside) }
      }
    }
    return paths
  }

  private func names(in place: TreePath) throws(BtrfsError) -> [[UInt8]] {
    let descriptor = cbtrfs_open_beneath(root.descriptor, place.characters, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
    guard descriptor >= 0 else { throw failure(-descriptor, at: place) }
    guard let stream = fdopendir(descriptor) else {
      let number = errno
      close(descriptor)
      throw failure(number, at: place)
    }
    defer { closedir(stream) }
    var names: [[UInt8]] = []
    errno = 0
    while let entry = readdir(stream) {
      names.append(
        withUnsafeBytes(of: &entry.pointee.d_name) { name in Array(name.prefix { $0 != 0 }) })
      errno = 0
    }
    guard errno == 0 else { throw failure(errno, at: place) }
    return names.filter { $0 != [0x2e] && $0 != [0x2e, 0x2e] }
  }

  private func failure(_ number: Int32, at place: TreePath) -> BtrfsError {
    BtrfsError(Self.operation, path.pushing(place.filePath), Errno(rawValue: number))
  }
}

// <fcntl.h> has O_PATH for _GNU_SOURCE only, which Swift's Glibc module does not define.
private let pathOnly: Int32 = 0o10000000
