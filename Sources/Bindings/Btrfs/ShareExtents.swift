import CBtrfs
import Glibc
import SystemPackage

/// Makes `copy` use the disk space of `original` wherever both files hold the same bytes at the same place. Returns
/// how many bytes they share now, those shared before included. Contents and times stay as they are: the kernel
/// compares and shares in one step (FIDEDUPERANGE, ioctl_fideduperange(2)).
///
/// Files of different contents are not an error: pieces (16 MiB) that differ are left alone, and so is the part by
/// which one file is longer than the other.
///
/// `copy` may be in a read-only subvolume: nothing a reader could see changes.
///
/// Throws `.notFound`, `.notPermitted`, `.noSpace`, `.readOnly` (of the file system), `.notBtrfs` on a file system
/// without shared extents, `.other` with EXDEV for files on two file systems, EINVAL if one is not a regular file,
/// ELOOP if one is a symbolic link.
@discardableResult
public func shareExtents(of original: FilePath, with copy: FilePath) throws(BtrfsError) -> Int64 {
  let flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK
  let source = try OpenFile(original, flags: flags, for: operation)
  let target = try OpenFile(copy, flags: flags, for: operation)
  return try shareExtents(of: source.descriptor, with: target.descriptor, at: copy)
}

/// Does the same for files that are open for reading, for callers that have checked the way to them. An error names
/// `path`.
@discardableResult
public func shareExtents(
  of original: FileDescriptor, with copy: FileDescriptor, at path: FilePath
) throws(BtrfsError) -> Int64 {
  try shareExtents(of: original.rawValue, with: copy.rawValue, at: path)
}

private let operation = "share extents with"

private func shareExtents(of source: Int32, with target: Int32, at path: FilePath) throws(BtrfsError) -> Int64 {
  let length = try commonLength(source, target, path)
  var shared: UInt64 = 0
  var offset: UInt64 = 0
  while offset < length {
    // The kernel takes at most 16 MiB at a time (fs/btrfs/reflink.c, BTRFS_MAX_DEDUPE_LEN).
    let piece = min(length - offset, 16 << 20)
    var done: UInt64 = 0
    let result = cbtrfs_dedupe(source, target, offset, piece, &done)
    let differs = try BtrfsError.check(operation, path, result: result) != 0
    if !differs { shared += done }
    offset += differs || done == 0 ? piece : done
  }
  return Int64(shared)
}

/// The length of equal files, the whole blocks of the shorter one otherwise: a block in part at the end of a file can
/// only be shared with another one at the end.
private func commonLength(_ source: Int32, _ target: Int32, _ path: FilePath) throws(BtrfsError) -> UInt64 {
  var first = stat()
  var second = stat()
  guard fstat(source, &first) == 0, fstat(target, &second) == 0 else {
    throw BtrfsError(operation, path, Errno(rawValue: Glibc.errno))
  }
  for status in [first, second] where status.st_mode & S_IFMT != S_IFREG {
    throw BtrfsError(operation, path, .invalidArgument)
  }
  let shorter = min(first.st_size, second.st_size)
  return UInt64(first.st_size == second.st_size ? shorter : shorter - shorter % off_t(first.st_blksize))
}
