import Btrfs
import CFiles
import Glibc
import SystemPackage

/// A file that a boot loader reads. It is replaced so that the loader finds the old or the new content, complete,
/// whenever the power goes.
///
/// A boot loader reads the disk as it is: no journal is replayed. Only btrfs can replace a file by rename(2), because
/// nothing on the disk changes before its next superblock. ext4 and FAT free what the replaced file had before the
/// directory on the disk names the new one: there the two files change their names instead, and the old one is removed
/// when that is on the disk.
package struct BootLoaderFile {
  /// The kind of file system the file is on.
  private enum Kind {
    case btrfs
    case fat
    /// ext4 and others: like FAT, but a leftover is what it seems to be, because Linux replays their journals.
    case journalled
  }

  private let path: FilePath
  private let directory: FilePath
  private let kind: Kind

  /// The file at `path`, whose directory exists.
  ///
  /// - Throws: `FileError`.
  package init(_ path: FilePath) throws {
    self.path = path
    let parent = path.removingLastComponent()
    directory = parent.isEmpty ? "." : parent
    let fileSystem = directory.withPlatformString(cfiles_file_system)
    guard fileSystem >= 0 else { throw FileError("examine", directory, Errno(rawValue: Int32(-fileSystem))) }
    kind =
      switch fileSystem {
      case CFILES_BTRFS: .btrfs
      case CFILES_FAT: .fat
      default: .journalled
      }
  }

  /// Makes the file, or replaces it. When this returns, the new content is on the disk.
  ///
  /// - Parameters:
  ///   - mode: the permissions of a new file; a file that is replaced keeps its own. FAT has none.
  ///   - warn: shows a sentence about what stays behind of an earlier power cut.
  /// - Throws: `AstError` that says "nothing was changed" up to the moment in which the new file is in place; `FileError`
  ///   or `BtrfsError` if it is in place, and the disk does not take it.
  package func replace(
    with content: some Sequence<UInt8>, mode: mode_t = 0o644, warning warn: (String) -> Void
  ) throws {
    let new: FilePath
    let present: stat?
    do {
      present = try status(of: path)
      if let present, present.st_mode & S_IFMT != S_IFREG {
        throw AstError(.refused, "\(path) is not a file", state: .unchanged)
      }
      new = try unusedName(warn)
      do {
        try write(content, to: new, like: present, mode)
        failPoint("boot loader file written")
        try put(new, replacing: present != nil)
      } catch {
        // It was made just now, so that its space on the disk is its own. If this fails, the next call removes it.
        unlink(new.string)
        throw error
      }
    } catch {
      throw unchanged(error)
    }
    failPoint("boot loader file in place")
    try sync()
    guard present != nil, kind != .btrfs else { return }
    try Files.removeFile(new)
    failPoint("old boot loader file removed")
    try sync()
  }

  /// Overwrites the file where it is. Content that is one sector long, as the present one must be, changes as a whole.
  /// When this returns, it is on the disk.
  ///
  /// - Throws: `FileError`; `.invalidArgument` for a file of another length.
  package func overwriteSector(with content: [UInt8]) throws {
    try Files.attempt("write", path) {
      guard let present = try status(of: path), present.st_size == 512, content.count == 512 else {
        throw Errno.invalidArgument
      }
      let file = try FileDescriptor.open(path, .writeOnly, options: [.noFollow, .closeOnExec])
      try file.closeAfter {
        _ = try file.writeAll(toAbsoluteOffset: 0, content)
        guard fsync(file.rawValue) == 0 else { throw Errno(rawValue: errno) }
      }
    }
  }

  /// Removes the file, unless a power cut has left another file with the same data: FAT would give their space away.
  /// The caller syncs.
  ///
  /// - Parameter warn: shows a sentence about a file that stays.
  package func remove(warning warn: (String) -> Void) throws {
    if kind == .fat, let other = try otherFile(withDataOf: path) {
      return warn("a power cut has left \(path), whose data are those of \(other): unmount it and run fsck.fat(8)")
    }
    try Files.removeFile(path)
  }

  private func unchanged(_ error: any Error) -> AstError {
    if let error = error as? AstError { return error }
    let words = AstError(error)
    guard words.code != .noSpace else {
      return AstError(
        .noSpace, "no space left for \(path)", state: .unchanged,
        hint: "make room in the file system of \(directory)")
    }
    let isReadOnly = (error as? FileError)?.errno == .readOnlyFileSystem
    let hint = isReadOnly && kind == .fat ? "the kernel may have found damage: unmount it and run fsck.fat(8)" : nil
    return AstError(words.code, words.reason, state: .unchanged, hint: words.hint ?? hint)
  }

  /// Gives the written file its name. If the name is taken, the file that had it gets the other one, except on btrfs.
  private func put(_ new: FilePath, replacing isReplaced: Bool) throws {
    guard kind != .btrfs else { return try Files.rename(new, to: path) }
    let call = isReplaced ? cfiles_exchange : cfiles_rename_new
    let result = new.withPlatformString { new in path.withPlatformString { call(AT_FDCWD, new, AT_FDCWD, $0) } }
    guard result == -EINVAL else {
      guard result == 0 else { throw FileError("rename \(new) to", path, Errno(rawValue: -result)) }
      return
    }
    throw AstError(
      .refused, "\(path) cannot be replaced safely: the kernel cannot exchange two names on its file system",
      state: .unchanged, hint: "for FAT this takes Linux 6.0 or newer")
  }

  private func write(_ content: some Sequence<UInt8>, to new: FilePath, like present: stat?, _ mode: mode_t) throws {
    try Files.attempt("write", new) {
      let file = try FileDescriptor.open(
        new, .writeOnly, options: [.create, .exclusiveCreate, .noFollow, .closeOnExec], permissions: .ownerReadWrite)
      try file.closeAfter {
        _ = try file.writeAll(content)
        // FAT has neither.
        guard kind != .fat else { return }
        if let present, fchown(file.rawValue, present.st_uid, present.st_gid) != 0 { throw Errno(rawValue: errno) }
        let mode = (present?.st_mode ?? mode) & 0o7777
        guard fchmod(file.rawValue, mode) == 0 else { throw Errno(rawValue: errno) }
      }
    }
    try sync()
  }

  /// Makes everything before this durable, in the places where a boot loader looks.
  private func sync() throws {
    try FileSystem.sync(directory)
    // syncfs(2) of FAT writes everything, but does not always tell the disk to empty its cache.
    if kind != .btrfs { try Files.sync(directory) }
  }

  /// A name for the new file. What an earlier power cut left there is removed, unless it shares its data on the disk
  /// with another file: FAT would give the space away that the other file is in.
  private func unusedName(_ warn: (String) -> Void) throws -> FilePath {
    for number in 0..<10 {
      let name = FilePath("\(path).ast-new" + (number == 0 ? "" : "\(number)"))
      guard let status = try status(of: name) else { return name }
      guard status.st_mode & S_IFMT == S_IFREG else { continue }
      if kind == .fat, let other = try otherFile(withDataOf: name) {
        warn("a power cut has left \(name), whose data are those of \(other): unmount it and run fsck.fat(8)")
        continue
      }
      try Files.removeFile(name)
      try sync()
      return name
    }
    throw AstError(
      .refused, "\(path).ast-new and nine names like it are taken", state: .unchanged,
      hint: "remove what is not needed in \(directory)")
  }

  /// The file in the same directory that begins in the same block of the disk.
  private func otherFile(withDataOf leftover: FilePath) throws -> FilePath? {
    guard let block = try firstBlock(of: leftover) else { return nil }
    return try Files.names(in: directory).sorted().map(directory.appending).first { other in
      guard other != leftover, (try status(of: other)?.st_mode ?? 0) & S_IFMT == S_IFREG else { return false }
      return try firstBlock(of: other) == block
    }
  }

  /// The number of a file's first block on the disk; nil if it has none.
  private func firstBlock(of path: FilePath) throws -> Int32? {
    try Files.attempt("find the data of", path) {
      let file = try FileDescriptor.open(path, .readOnly, options: [.noFollow, .closeOnExec])
      return try file.closeAfter {
        var block: Int32 = 0
        let result = cfiles_first_block(file.rawValue, &block)
        guard result == 0 else { throw Errno(rawValue: -result) }
        return block == 0 ? nil : block
      }
    }
  }

  private func status(of path: FilePath) throws -> stat? {
    var status = stat()
    guard path.withPlatformString({ lstat($0, &status) }) != 0 else { return status }
    guard errno == ENOENT else { throw FileError("examine", path, Errno(rawValue: errno)) }
    return nil
  }
}
