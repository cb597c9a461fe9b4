import CBtrfs
import Glibc
import SystemPackage

/// One file of a tree, of whatever type, held by a descriptor that only allows looking at it: a device is never opened.
struct TreeFile: ~Copyable {
  /// An inode, in whichever snapshot. A number alone could have been reused.
  struct Identity: Hashable {
    let inode: UInt64
    let bornSeconds: Int64
    let bornNanoseconds: UInt32
  }

  let identity: Identity
  private let file: OpenFile
  private let status: stat
  private let path: FilePath

  /// Takes over a descriptor; `path` is for error messages.
  init(_ file: consuming OpenFile, at path: FilePath) throws(BtrfsError) {
    var found = cbtrfs_identity()
    try BtrfsError.check(FileTree.operation, path, result: cbtrfs_identify(file.descriptor, &found))
    var status = stat()
    guard fstat(file.descriptor, &status) == 0 else {
      throw BtrfsError(FileTree.operation, path, Errno(rawValue: errno))
    }
    identity = Identity(
      inode: found.inode, bornSeconds: found.born_seconds, bornNanoseconds: found.born_nanoseconds)
    self.file = file
    self.status = status
    self.path = path
  }

  var isDirectory: Bool { type == S_IFDIR }
  var hasOtherNames: Bool { !isDirectory && status.st_nlink > 1 }

  /// The root of a subvolume has the inode number BTRFS_FIRST_FREE_OBJECTID, what is left of one in a snapshot
  /// BTRFS_EMPTY_SUBVOL_DIR_OBJECTID (linux/btrfs_tree.h).
  var isSubvolume: Bool { identity.inode == 256 || identity.inode == 2 }

  private var type: mode_t { status.st_mode & S_IFMT }

  /// The differences between this file and `other`.
  func differences(from other: borrowing TreeFile) throws(BtrfsError) -> [FileChange.Difference] {
    guard type == other.type else { return [.type] }
    var differences: [FileChange.Difference] = []
    switch type {
    case S_IFREG: if try !hasContent(of: other) { differences.append(.content) }
    case S_IFLNK: if try target() != other.target() { differences.append(.target) }
    case S_IFCHR, S_IFBLK: if status.st_rdev != other.status.st_rdev { differences.append(.device) }
    default: break
    }
    if status.st_mode != other.status.st_mode { differences.append(.mode) }
    if status.st_uid != other.status.st_uid || status.st_gid != other.status.st_gid { differences.append(.owner) }
    if try attributes() != other.attributes() { differences.append(.attributes) }
    return differences
  }

  private func hasContent(of other: borrowing TreeFile) throws(BtrfsError) -> Bool {
    guard status.st_size == other.status.st_size else { return false }
    let first = try openContent()
    let second = try other.openContent()
    let size = 1 << 17
    var (left, right) = ([UInt8](repeating: 0, count: size), [UInt8](repeating: 0, count: size))
    var offset: Int64 = 0
    while true {
      // A file of a terabyte may be a single hole.
      offset = min(data(in: first, from: offset), data(in: second, from: offset))
      guard offset < status.st_size else { return true }
      let count = try read(first, at: offset, into: &left)
      guard try count == other.read(second, at: offset, into: &right), count > 0, memcmp(left, right, count) == 0 else {
        return false
      }
      offset += Int64(count)
    }
  }

  /// Where the next data of a file begin (lseek(2), SEEK_DATA); its end if there are none.
  private func data(in content: borrowing OpenFile, from offset: Int64) -> Int64 {
    // <unistd.h> has SEEK_DATA for _GNU_SOURCE only, which Swift's Glibc module does not define.
    let data = lseek(content.descriptor, off_t(offset), 3)
    if data >= 0 { return Int64(data) }
    return errno == ENXIO ? max(offset, Int64(status.st_size)) : offset
  }

  private func openContent() throws(BtrfsError) -> OpenFile {
    try OpenFile(FilePath("/proc/self/fd/\(file.descriptor)"), flags: O_RDONLY, for: FileTree.operation)
  }

  /// Fills the buffer, unless the file ends before.
  private func read(
    _ content: borrowing OpenFile, at offset: Int64, into buffer: inout [UInt8]
  ) throws(BtrfsError) -> Int {
    var count = 0
    while count < buffer.count {
      let result = buffer.withUnsafeMutableBytes {
        pread(content.descriptor, $0.baseAddress?.advanced(by: count), $0.count - count, off_t(offset) + count)
      }
      if result < 0, errno == EINTR { continue }
      guard result >= 0 else { throw failure(errno) }
      if result == 0 { break }
      count += result
    }
    return count
  }

  private func target() throws(BtrfsError) -> [CChar] {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlinkat(file.descriptor, "", &buffer, buffer.count)
    guard count >= 0 else { throw failure(errno) }
    return Array(buffer.prefix(count))
  }

  private func attributes() throws(BtrfsError) -> [[CChar]: [CChar]] {
    let names = try read { cbtrfs_list_attributes(file.descriptor, $0, $1) }.split(separator: 0)
    var attributes: [[CChar]: [CChar]] = [:]
    for name in names.map({ Array($0) + [0] }) {
      attributes[name] = try read { cbtrfs_read_attribute(file.descriptor, name, $0, $1) }
    }
    return attributes
  }

  /// Reads an attribute or a list of names, after asking for its length.
  private func read(_ call: (UnsafeMutablePointer<CChar>?, Int) -> Int) throws(BtrfsError) -> [CChar] {
    let length = call(nil, 0)
    guard length > 0 else {
      if length == 0 { return [] }
      throw failure(Int32(-length))
    }
    var buffer = [CChar](repeating: 0, count: length)
    let count = call(&buffer, length)
    guard count >= 0 else { throw failure(Int32(-count)) }
    return Array(buffer.prefix(count))
  }

  private func failure(_ number: Int32) -> BtrfsError {
    BtrfsError(FileTree.operation, path, Errno(rawValue: number))
  }
}
