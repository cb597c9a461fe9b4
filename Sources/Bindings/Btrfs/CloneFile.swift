import CBtrfs
import Glibc
import SystemPackage

/// Makes `copy` a new file with the contents, the mode and the time of change of a regular file that is open for
/// reading. Both use the same disk space until one of them is changed (FICLONE, ioctl_ficlone(2)). The name of the copy
/// must not exist.
///
/// Throws `.exists`, `.notFound`, `.noSpace`, `.notBtrfs`, `.other` with EXDEV for files on two file systems.
public func cloneFile(_ original: FileDescriptor, to copy: FilePath) throws(BtrfsError) {
  let operation = "clone to"
  var status = stat()
  guard fstat(original.rawValue, &status) == 0 else { throw BtrfsError(operation, copy, Errno(rawValue: Glibc.errno)) }
  let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
  let descriptor = copy.withPlatformString { open($0, flags, status.st_mode & 0o777) }
  guard descriptor >= 0 else { throw BtrfsError(operation, copy, Errno(rawValue: Glibc.errno)) }
  let target = OpenFile(descriptor)
  try shareContents(of: original, with: FileDescriptor(rawValue: target.descriptor), at: copy)
  guard futimens(target.descriptor, [status.st_atim, status.st_mtim]) == 0 else {
    throw BtrfsError(operation, copy, Errno(rawValue: Glibc.errno))
  }
}

/// Gives an empty file that is open for writing the contents of one that is open for reading: they share disk space like
/// those of ``cloneFile(_:to:)``.
///
/// - Parameter path: the path of the empty file, for errors.
///
/// Throws `.noSpace`, `.notBtrfs`, `.other` with EXDEV for files on two file systems, and with EINVAL for two files of
/// which only one is copied on write.
public func shareContents(
  of original: FileDescriptor, with copy: FileDescriptor, at path: FilePath
) throws(BtrfsError) {
  try BtrfsError.check("clone to", path, result: cbtrfs_clone(original.rawValue, copy.rawValue))
}
