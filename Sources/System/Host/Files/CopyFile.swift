import Btrfs
import CFiles
import Glibc
import SystemPackage

extension OpenDirectory {
  /// Copies a regular file from another directory: its bytes, its holes, the time of its change, and the attributes of
  /// chattr(1) except for those that protect it. The copy shares the disk space of the original if the file system can do
  /// that, and is accessible only to its owner at first.
  ///
  /// - Returns: all attributes of chattr(1) of the original, as far as a copy can have them.
  @discardableResult
  package func copy(_ original: Name, from other: OpenDirectory, to name: Name) throws -> UInt32 {
    guard let status = try other.status(of: original) else { throw Self.noFile(other.path.appending(original)) }
    return try copy(original, status, from: other, to: name) { _, _, _ in }
  }

  /// The same for a file whose status is known, which gets its owner, permissions and extended attributes too.
  func copyWithAttributes(
    _ original: Name, _ status: stat, from other: OpenDirectory, to name: Name
  ) throws -> UInt32 {
    try copy(original, status, from: other, to: name) { source, flags, copy in
      let protection = flags & CFILES_PROTECTED
      guard let attributes = try other.attributes(of: original, status, protection, open: source) else { return }
      try give(attributes, to: name, of: S_IFREG, open: copy)
    }
  }

  private func copy(
    _ original: Name, _ status: stat, from other: OpenDirectory, to name: Name,
    complete: (FileDescriptor, UInt32, FileDescriptor) throws -> Void
  ) throws -> UInt32 {
    guard status.st_mode & S_IFMT == S_IFREG, let source = try other.file(original) else {
      throw Self.noFile(other.path.appending(original))
    }
    defer { try? source.close() }
    var flags: UInt32 = 0
    let result = cfiles_read_flags_of(source.rawValue, &flags)
    guard result == 0 else { throw Self.failure("read the flags of", other.path.appending(original), -result) }
    let copy = try makeFile(name)
    defer { try? copy.close() }
    // Possible only for an empty file.
    let isCopiedOnWrite = flags & CFILES_NOT_COPIED_ON_WRITE == 0
    if !isCopiedOnWrite { try setFlags(CFILES_NOT_COPIED_ON_WRITE, of: name) }
    do {
      try shareContents(of: source, with: copy, at: path.appending(name))
    } catch let error where Self.cannotShare.contains(error.errno) {
      try write(source, original, from: other, to: copy, name)
    } catch {
      throw Self.failure("copy \(other.path.appending(original)) to", path.appending(name), error.errno.rawValue)
    }
    try complete(source, flags, copy)
    guard futimens(copy.rawValue, [status.st_atim, status.st_mtim]) == 0 else { throw failure("set the time of", name) }
    let others = flags & ~CFILES_PROTECTED
    if others != 0, others != CFILES_NOT_COPIED_ON_WRITE { try setFlags(others, of: name) }
    return flags
  }

  private static func noFile(_ path: FilePath) -> AstError {
    AstError(.failed, "cannot copy \(path): it is no longer a regular file")
  }

  /// The errors for files that cannot share extents: they are on two file systems, or only one is without checksums
  /// (ioctl_ficlone(2)).
  private static let cannotShare: [Errno] = [
    .improperLink, .invalidArgument, .notSupported, .inappropriateIOCTLForDevice,
  ]

  /// Writes what is in a file, and leaves its holes out.
  private func write(
    _ source: FileDescriptor, _ original: Name, from other: OpenDirectory, to copy: FileDescriptor, _ name: Name
  ) throws {
    var start = Self.data(in: source, from: 0)
    while true {
      let bytes = try other.read(source, original, from: start)
      if bytes.isEmpty { break }
      guard lseek(copy.rawValue, off_t(start), SEEK_SET) >= 0 else { throw failure("write", name) }
      try write(bytes, to: copy, name)
      start = Self.data(in: source, from: start + Int64(bytes.count))
    }
    guard ftruncate(copy.rawValue, off_t(start)) == 0 else { throw failure("write", name) }
  }

  /// Where the next data of a file begin, and not another part of a hole (lseek(2), SEEK_DATA); the end if there are none.
  package static func data(in file: FileDescriptor, from start: Int64) -> Int64 {
    let data = lseek(file.rawValue, off_t(start), seekData)
    if data >= 0 { return Int64(data) }
    guard errno == ENXIO, case let end = lseek(file.rawValue, 0, SEEK_END), end >= 0 else { return start }
    return max(start, Int64(end))
  }

  // <unistd.h> has it for _GNU_SOURCE only, which Swift's Glibc module does not define.
  private static let seekData: Int32 = 3

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
