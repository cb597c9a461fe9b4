import CBtrfs
import Glibc
import SystemPackage

extension Subvolume {
  /// The pieces of the disk that files of this subvolume share with files elsewhere, asked of the kernel file by file
  /// (FIEMAP).
  func sharedRanges(of extents: SubvolumeExtents) throws(BtrfsError) -> [Range<UInt64>] {
    var search = SharedRangeSearch(root: path, remaining: extents.inodes)
    try search.visit(try OpenFile(path, for: SharedRangeSearch.operation))
    return search.ranges
  }
}

/// A walk through a directory tree, within one subvolume, that looks at each inode once.
///
/// It handles names as the bytes the kernel gives: to make a `FilePath` of each costs more than the kernel's answers.
private struct SharedRangeSearch {
  static let operation = "measure"

  fileprivate struct Entry {
    let name: [CChar]
    let isDirectory: Bool
    let inode: UInt64
  }

  /// The inodes that have not been looked at: hard links come up more than once.
  private var remaining: Set<UInt64>
  private(set) var ranges: [Range<UInt64>] = []
  private let root: FilePath
  /// The names that lead from `root` to where the walk stands, for error messages.
  private var trail: [[CChar]] = []

  init(root: FilePath, remaining: Set<UInt64>) {
    self.root = root
    self.remaining = remaining
  }

  mutating func visit(_ directory: consuming OpenFile) throws(BtrfsError) {
    for entry in try entries(of: directory) where !remaining.isEmpty {
      guard entry.isDirectory || remaining.remove(entry.inode) != nil else { continue }
      trail.append(entry.name)
      let descriptor = openat(directory.descriptor, entry.name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
      guard descriptor >= 0 else { throw failure(Glibc.errno) }
      let file = OpenFile(descriptor)
      if !entry.isDirectory {
        try examine(file)
      } else if try !isSubvolumeRoot(file) {
        try visit(file)
      }
      trail.removeLast()
    }
  }

  private mutating func examine(_ file: borrowing OpenFile) throws(BtrfsError) {
    let found: [FileRange]
    do throws(Errno) { found = try FileRange.all(of: file.descriptor) } catch { throw failure(error.rawValue) }
    for range in found where range.isShared {
      // Of a compressed extent only the beginning is known; it stands for the whole.
      ranges.append(range.address..<range.address + (range.isEncoded ? 1 : range.length))
    }
  }

  /// The root of another subvolume has the inode number BTRFS_FIRST_FREE_OBJECTID, what is left of one in a snapshot
  /// BTRFS_EMPTY_SUBVOL_DIR_OBJECTID (linux/btrfs_tree.h); readdir(3) gives other numbers for both.
  private func isSubvolumeRoot(_ directory: borrowing OpenFile) throws(BtrfsError) -> Bool {
    var status = stat()
    guard fstat(directory.descriptor, &status) == 0 else { throw failure(Glibc.errno) }
    return status.st_ino == 256 || status.st_ino == 2
  }

  /// The regular files and directories in `directory`.
  private func entries(of directory: borrowing OpenFile) throws(BtrfsError) -> [Entry] {
    let descriptor = fcntl(directory.descriptor, F_DUPFD_CLOEXEC, 0)
    guard descriptor >= 0 else { throw failure(Glibc.errno) }
    guard let stream = fdopendir(descriptor) else {
      let number = Glibc.errno
      close(descriptor)
      throw failure(number)
    }
    defer { closedir(stream) }
    var entries: [Entry] = []
    Glibc.errno = 0
    while let found = readdir(stream) {
      if let entry = Entry(found) { entries.append(entry) }
      Glibc.errno = 0
    }
    guard Glibc.errno == 0 else { throw failure(Glibc.errno) }
    return entries
  }

  private func failure(_ number: Int32) -> BtrfsError {
    let path = trail.reduce(root) { $0.pushing(FilePath(platformString: $1)) }
    return BtrfsError(Self.operation, path, Errno(rawValue: number))
  }
}

extension SharedRangeSearch.Entry {
  /// Nil for files that cannot have extents and are not directories.
  init?(_ entry: UnsafeMutablePointer<dirent>) {
    inode = UInt64(entry.pointee.d_ino)
    switch Int(entry.pointee.d_type) {
    case DT_REG: isDirectory = false
    case DT_DIR: isDirectory = true
    default: return nil
    }
    name = withUnsafePointer(to: &entry.pointee.d_name) { name in
      name.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) {
        Array(UnsafeBufferPointer(start: $0, count: strlen($0) + 1))
      }
    }
    guard name != Self.thisDirectory, name != Self.parentDirectory else { return nil }
  }

  private static let thisDirectory = Array(".".utf8CString)
  private static let parentDirectory = Array("..".utf8CString)
}
