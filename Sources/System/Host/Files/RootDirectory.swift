import CSandbox
import FoundationEssentials
import Glibc
import SystemPackage

/// Files below an untrusted directory, reached with openat2(2) and RESOLVE_IN_ROOT: no symbolic link and no ".." leads
/// out of it.
public struct RootDirectory: Sendable {
  /// The directory.
  public let path: FilePath

  /// The files below `path`.
  public init(_ path: FilePath) { self.path = path }

  /// The largest file that is read: many times the size of dpkg's status database.
  private static let largestFile: Int64 = 1 << 28

  /// The content of a regular file; nil if there is none. Other files are not even opened: opening a device node can
  /// affect the machine.
  ///
  /// - Throws: `FileError`; `.fileTooLarge` for an implausibly large file.
  public func contents(of file: FilePath) throws -> Data? {
    try attempt("read", file) {
      guard let (descriptor, size) = try openRegular(file, pathOnly) else { return nil }
      return try descriptor.closeAfter {
        guard size <= Self.largestFile else { throw Errno.fileTooLarge }
        return try read(descriptor, size: Int(size))
      }
    }
  }

  /// The first bytes of a regular file; nil if there is none. A file that is read at each change must not be able to take
  /// long.
  ///
  /// - Throws: `FileError`.
  package func beginning(of file: FilePath, count: Int) throws -> Data? {
    try attempt("read", file) {
      guard let (descriptor, size) = try openRegular(file, pathOnly) else { return nil }
      return try descriptor.closeAfter { try read(descriptor, size: min(Int(size), count)) }
    }
  }

  /// A regular file, open for reading, and its size in bytes; nil if there is none. Symbolic links on the way to its
  /// directory are followed, but the file itself must not be one. Other files are not even opened.
  ///
  /// - Parameter followingLinks: whether the file may be a link, too, to another one inside.
  /// - Throws: `FileError`.
  public func openFile(
    _ file: FilePath, followingLinks: Bool = false
  ) throws -> (descriptor: FileDescriptor, size: Int64)? {
    try attempt("open", file) {
      try openRegular(file, followingLinks ? pathOnly : pathOnly | O_NOFOLLOW)
    }
  }

  /// Whether there is a regular file, as `openFile(_:)` would open it.
  ///
  /// - Throws: `FileError`.
  public func hasFile(_ file: FilePath) throws -> Bool {
    guard let (descriptor, _) = try openFile(file) else { return false }
    try attempt("close", file) { try descriptor.close() }
    return true
  }

  /// The size of a regular file in bytes, without reading it; nil if there is none. Links inside are followed.
  ///
  /// - Throws: `FileError`.
  package func size(of file: FilePath) throws -> Int64? {
    try attempt("examine", file) {
      guard let place = try open(file, pathOnly) else { return nil }
      return try place.closeAfter {
        var status = stat()
        guard fstat(place.rawValue, &status) == 0 else { throw Errno(rawValue: errno) }
        return status.st_mode & S_IFMT == S_IFREG ? Int64(status.st_size) : nil
      }
    }
  }

  /// The same file as `size(of:)`, open for reading; nil if there is none.
  ///
  /// - Throws: `FileError`.
  package func openFollowing(_ file: FilePath) throws -> FileDescriptor? {
    try attempt("open", file) { try openRegular(file, pathOnly)?.descriptor }
  }

  private func openRegular(_ file: FilePath, _ flags: Int32) throws -> (descriptor: FileDescriptor, size: Int64)? {
    guard let place = try open(file, flags) else { return nil }
    return try place.closeAfter {
      var status = stat()
      guard fstat(place.rawValue, &status) == 0 else { throw Errno(rawValue: errno) }
      guard status.st_mode & S_IFMT == S_IFREG else { return nil }
      return (try reopen(place), Int64(status.st_size))
    }
  }

  /// Opens a file for reading that was opened with O_PATH. If permitted, which it is to root, its access time does not
  /// change: only looking at a subvolume must not change it.
  private func reopen(_ place: FileDescriptor) throws -> FileDescriptor {
    let path = FilePath("/proc/self/fd/\(place.rawValue)")
    do {
      return try FileDescriptor.open(path, .readOnly, options: [.closeOnExec, .noAccessTime])
    } catch Errno.notPermitted {
      return try FileDescriptor.open(path, .readOnly, options: .closeOnExec)
    }
  }

  private func read(_ descriptor: FileDescriptor, size: Int) throws -> Data {
    var data = Data(count: size)
    var count = 0
    while count < data.count {
      let read = try data.withUnsafeMutableBytes {
        try descriptor.read(into: UnsafeMutableRawBufferPointer(rebasing: $0[count...]))
      }
      if read == 0 { break }
      count += read
    }
    return data.prefix(count)
  }

  /// Replaces a file, and makes the directories above it: the old content or the new, never a part of it. A regular
  /// file keeps its mode and owner; a new one has mode 0644.
  ///
  /// - Throws: `FileError`.
  public func write(_ data: Data, to file: FilePath) throws {
    try attempt("write", file) {
      let (directory, name) = try parent(of: file, making: true)
      try directory.closeAfter {
        let temporary = "\(name).ast-new"
        // A file with that name is removed unopened: it could be a device node.
        unlinkat(directory.rawValue, temporary, 0)
        let descriptor = openat(directory.rawValue, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Errno(rawValue: errno) }
        do {
          let new = FileDescriptor(rawValue: descriptor)
          try new.closeAfter {
            _ = try new.writeAll(data)
            var status = stat()
            guard fstatat(directory.rawValue, name, &status, AT_SYMLINK_NOFOLLOW) == 0,
              status.st_mode & S_IFMT == S_IFREG
            else { return }
            guard fchown(descriptor, status.st_uid, status.st_gid) == 0,
              fchmod(descriptor, status.st_mode & 0o7777) == 0
            else { throw Errno(rawValue: errno) }
          }
          guard renameat(directory.rawValue, temporary, directory.rawValue, name) == 0 else {
            throw Errno(rawValue: errno)
          }
        } catch {
          unlinkat(directory.rawValue, temporary, 0)
          throw error
        }
      }
    }
  }

  /// Makes a directory, mode 0755, and the directories above it, unless it exists.
  ///
  /// - Throws: `FileError`.
  public func makeDirectory(_ directory: FilePath) throws {
    try attempt("make the directory", directory) {
      let (above, name) = try parent(of: directory, making: true)
      try above.closeAfter {
        guard mkdirat(above.rawValue, name, 0o755) == 0 || errno == EEXIST else { throw Errno(rawValue: errno) }
      }
    }
  }

  /// Adds to a bare error number what was tried on which path.
  func attempt<Result>(_ action: String, _ file: FilePath, _ body: () throws -> Result) throws -> Result {
    try Files.attempt(action, path.pushing(file), body)
  }

  func open(_ file: FilePath, _ flags: Int32) throws -> FileDescriptor? {
    let root = try FileDescriptor.open(path, .readOnly, options: [.directory, .closeOnExec])
    return try root.closeAfter {
      let descriptor = sandbox_open_in_root(root.rawValue, file.string, flags)
      if descriptor >= 0 { return FileDescriptor(rawValue: descriptor) }
      if [ENOENT, ENOTDIR, ELOOP].contains(errno) { return nil }
      throw Errno(rawValue: errno)
    }
  }

  /// The open directory of a file, and the file's name in it.
  func parent(of file: FilePath, making: Bool) throws -> (FileDescriptor, String) {
    guard let name = file.lastComponent else { throw Errno.invalidArgument }
    let above = file.removingLastComponent()
    if let directory = try open(above.isEmpty ? "/" : above, O_RDONLY | O_DIRECTORY) { return (directory, name.string) }
    guard making, !above.isEmpty, above.components.count > 0 else { throw Errno.noSuchFileOrDirectory }
    let (outer, inner) = try parent(of: above, making: true)
    try outer.closeAfter {
      guard mkdirat(outer.rawValue, inner, 0o755) == 0 || errno == EEXIST else { throw Errno(rawValue: errno) }
    }
    guard let directory = try open(above, O_RDONLY | O_DIRECTORY) else { throw Errno.noSuchFileOrDirectory }
    return (directory, name.string)
  }
}

// <fcntl.h> has O_PATH for _GNU_SOURCE only, which Swift's Glibc module does not define.
private let pathOnly: Int32 = 0o10000000
