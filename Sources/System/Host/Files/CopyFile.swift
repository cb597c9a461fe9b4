import Btrfs
import CFiles
import Glibc
import SystemPackage

extension OpenDirectory {
  /// Copies a regular file from another directory: its bytes and the time of its change. The copy shares the disk space
  /// of the original if the file system can do that.
  ///
  /// - Parameter isCopiedOnWrite: false makes it like `chattr +C` does, which is possible only for an empty file.
  package func copy(
    _ original: Name, from other: OpenDirectory, to name: Name, isCopiedOnWrite: Bool = true
  ) throws {
    guard let status = try other.status(of: original), status.st_mode & S_IFMT == S_IFREG,
      let source = try other.file(original)
    else { throw AstError(.failed, "cannot copy \(other.path.appending(original)): it is no longer a regular file") }
    defer { try? source.close() }
    do {
      if isCopiedOnWrite { return try cloneFile(source, to: reference(to: name)) }
    } catch let error where Self.cannotShare.contains(error.errno) {
      // A file made by the attempt is empty.
      try remove(name)
    } catch {
      throw Self.failure("copy \(other.path.appending(original)) to", path.appending(name), error.errno.rawValue)
    }
    let copy = try makeFile(name)
    defer { try? copy.close() }
    if !isCopiedOnWrite { try setFlags(CFILES_NOT_COPIED_ON_WRITE, of: name) }
    var start: Int64 = 0
    while true {
      let bytes = try other.read(source, original, from: start)
      if bytes.isEmpty { break }
      try write(bytes, to: copy, name)
      start += Int64(bytes.count)
    }
    guard futimens(copy.rawValue, [status.st_atim, status.st_mtim]) == 0 else { throw failure("set the time of", name) }
  }

  /// The errors for files that cannot share extents: they are on two file systems, or only one is without checksums
  /// (ioctl_ficlone(2)).
  private static let cannotShare: [Errno] = [
    .improperLink, .invalidArgument, .notSupported, .inappropriateIOCTLForDevice,
  ]

  /// Makes a file with these bytes, accessible only to its owner at first.
  package func makeFile(_ name: Name, with bytes: [UInt8]) throws {
    let file = try makeFile(name)
    defer { try? file.close() }
    try write(bytes, to: file, name)
  }

  private func write(_ bytes: [UInt8], to file: FileDescriptor, _ name: Name) throws {
    do {
      _ = try file.writeAll(bytes)
    } catch let error as Errno {
      throw Self.failure("write", path.appending(name), error.rawValue)
    }
  }
}
