import CFiles
import CXattr
import FileTrees
import Glibc
import Sandbox
import SystemPackage

/// An open directory of an untrusted tree. Names are looked up one at a time and symbolic links are not followed, so no
/// call reaches outside the tree.
package final class OpenDirectory {
  package typealias Name = FilePath.Component

  /// Its path, for messages.
  package let path: FilePath
  package let descriptor: Int32

  /// The directory at a trusted path.
  package init(_ path: FilePath) throws {
    self.path = path
    descriptor = path.withPlatformString { open($0, Self.opening & ~O_NOFOLLOW) }
    guard descriptor >= 0 else { throw Self.failure("open", path, errno) }
  }

  private init(_ path: FilePath, _ descriptor: Int32) {
    self.path = path
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }

  private static let noAccessTime = FileDescriptor.OpenOptions.noAccessTime.rawValue
  private static let opening = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | noAccessTime

  /// The directory itself as a name in it.
  package static let itself: Name = "."

  // MARK: Looking
  // Running programs change their files meanwhile: a name can disappear at any moment.

  /// The names in the directory, in a stable order.
  package func names() throws -> [Name] {
    guard lseek(descriptor, 0, SEEK_SET) == 0 else { throw Self.failure("read", path, errno) }
    var names: [Name] = []
    try withUnsafeTemporaryAllocation(byteCount: Self.entriesSize, alignment: 8) { entries in
      while true {
        let size = cfiles_read_names(descriptor, entries.baseAddress, entries.count)
        // The directory is removed meanwhile.
        if size == 0 || size == -Int(ENOENT) { return }
        guard size > 0 else { throw Self.failure("read", path, Int32(-size)) }
        var rest = UnsafeRawBufferPointer(rebasing: entries[..<size])
        while rest.count > Int(CFILES_ENTRY_NAME) {
          let length = Int(rest.loadUnaligned(fromByteOffset: Int(CFILES_ENTRY_LENGTH), as: UInt16.self))
          let text = rest.dropFirst(Int(CFILES_ENTRY_NAME)).prefix { $0 != 0 }
          let name = Name(platformString: text.map(CChar.init(bitPattern:)) + [0])
          if let name, name.kind == .regular { names.append(name) }
          rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(length))
        }
      }
    }
    return names.sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
  }

  /// Enough for a thousand names.
  private static let entriesSize = 1 << 15

  /// The status of a name; nil if it does not exist.
  package func status(of name: Name) throws -> stat? {
    var status = stat()
    let result = name.withPlatformString { fstatat(descriptor, $0, &status, AT_SYMLINK_NOFOLLOW) }
    if result < 0, errno == ENOENT { return nil }
    guard result == 0 else { throw failure("examine", name) }
    return status
  }

  /// A directory in this one; nil if the name does not exist or is not a directory.
  package func directory(_ name: Name) throws -> OpenDirectory? {
    let opened = name.withPlatformString { openat(descriptor, $0, Self.opening) }
    if opened < 0, [ENOENT, ENOTDIR, ELOOP].contains(errno) { return nil }
    guard opened >= 0 else { throw failure("open", name) }
    return OpenDirectory(path.appending(name), opened)
  }

  /// A directory in this one as the file system has it, without the mounts in it. In a container, where that is not
  /// possible, it is the directory with its mounts.
  package func directoryWithoutMounts(_ name: Name) throws -> OpenDirectory? {
    let opened = name.withPlatformString { cfiles_open_without_mounts(descriptor, $0) }
    return opened >= 0 ? OpenDirectory(path.appending(name), opened) : try directory(name)
  }

  /// The directory at a path below this one; nil if there is none.
  package func directory(at path: FilePath) throws -> OpenDirectory? {
    var directory = self
    for name in path.components {
      guard let inner = try directory.directory(name) else { return nil }
      directory = inner
    }
    return directory
  }

  /// The directory of a file at a path below this one, and the file's name in it.
  package func parent(of file: FilePath) throws -> (directory: OpenDirectory, name: Name) {
    guard let name = file.lastComponent else { return (self, Self.itself) }
    guard let directory = try directory(at: file.removingLastComponent()) else {
      throw Self.failure("find", path.pushing(file), ENOENT)
    }
    return (directory, name)
  }

  /// A regular file in the directory, open for reading; nil if the name does not exist. Callers check the type before:
  /// opening a device can affect the machine.
  package func file(_ name: Name) throws -> FileDescriptor? {
    let flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | Self.noAccessTime
    let opened = name.withPlatformString { openat(descriptor, $0, flags) }
    if opened < 0, errno == ENOENT { return nil }
    guard opened >= 0 else { throw failure("read", name) }
    return FileDescriptor(rawValue: opened)
  }

  /// The target of a symbolic link; nil if the name does not exist.
  package func target(of name: Name) throws -> [UInt8]? {
    var target = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = name.withPlatformString { readlinkat(descriptor, $0, &target, target.count) }
    if count < 0, errno == ENOENT { return nil }
    guard count >= 0 else { throw failure("read", name) }
    return target.prefix(count).map(UInt8.init(bitPattern:))
  }

  /// A path for calls without a form for open directories. Those whose names begin with an l do not follow its last
  /// name.
  func place(of name: Name) -> [CChar] {
    Array("/proc/self/fd/\(descriptor)/".utf8CString.dropLast())
      + name.withPlatformString { name in
        Array(UnsafeBufferPointer(start: name, count: strlen(name) + 1))
      }
  }

  /// A path that leads to this directory, whatever is mounted or renamed meanwhile.
  package var reference: FilePath { FilePath("/proc/self/fd/\(descriptor)") }

  /// `place(of:)` as a path.
  func reference(to name: Name) -> FilePath { FilePath(platformString: place(of: name)) }

  /// The numbers that tell the directory from all others.
  package var identity: [UInt64] {
    get throws {
      guard let status = try status(of: Self.itself) else { throw Self.failure("find", path, ENOENT) }
      return [UInt64(status.st_dev), UInt64(status.st_ino)]
    }
  }

  // MARK: Changing

  /// Makes the names in the directory durable.
  package func synchronize() throws {
    guard fsync(descriptor) == 0 else { throw Self.failure("sync", path, errno) }
  }

  /// Gives a file the times of access and change in a status.
  package func setTimes(of name: Name, from status: stat) throws {
    let times = [status.st_atim, status.st_mtim]
    guard name.withPlatformString({ utimensat(descriptor, $0, times, AT_SYMLINK_NOFOLLOW) }) == 0 else {
      throw failure("set the time of", name)
    }
  }

  /// Makes a directory, accessible only to its owner at first.
  package func makeDirectory(_ name: Name) throws {
    guard name.withPlatformString({ mkdirat(descriptor, $0, 0o700) }) == 0 else { throw failure("make", name) }
  }

  /// Makes a symbolic link.
  package func makeLink(_ name: Name, to target: [UInt8]) throws {
    let target = target.map(CChar.init(bitPattern:)) + [0]
    let result = name.withPlatformString { symlinkat(target, descriptor, $0) }
    guard result == 0 else { throw failure("make", name) }
  }

  /// Makes a device, FIFO or socket, accessible only to its owner at first.
  package func makeSpecial(_ name: Name, type: UInt32, device: UInt64) throws {
    guard name.withPlatformString({ mknodat(descriptor, $0, type | 0o600, UInt(device)) }) == 0 else {
      throw failure("make", name)
    }
  }

  /// Makes a file, open for writing, accessible only to its owner at first.
  func makeFile(_ name: Name) throws -> FileDescriptor {
    let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
    let made = name.withPlatformString { openat(descriptor, $0, flags, 0o600) }
    guard made >= 0 else { throw failure("make", name) }
    return FileDescriptor(rawValue: made)
  }

  /// Replaces a file, which must not be a directory, with one that has these attributes: the old or the new file, never
  /// a part of it. `make` makes the new file under the name it is given.
  package func replace(_ name: Name, _ attributes: FileAttributes, make: (Name) throws -> Void) throws {
    let temporary: Name = ".ast-new"
    try remove(temporary)
    do {
      try make(temporary)
      try setAttributes(attributes, of: temporary)
      let result = temporary.withPlatformString { temporary in
        name.withPlatformString { renameat(descriptor, temporary, descriptor, $0) }
      }
      guard result == 0 else { throw failure("replace", name) }
    } catch {
      temporary.withPlatformString { _ = unlinkat(descriptor, $0, 0) }
      throw error
    }
  }

  /// Removes a file or a directory with its contents, if the name exists.
  package func remove(_ name: Name) throws {
    guard let status = try status(of: name) else { return }
    var isDirectory = false
    if status.st_mode & S_IFMT == S_IFDIR, let inner = try directory(name) {
      isDirectory = true
      for name in try inner.names() { try inner.remove(name) }
    }
    guard name.withPlatformString({ unlinkat(descriptor, $0, isDirectory ? AT_REMOVEDIR : 0) }) == 0 else {
      throw failure("remove", name)
    }
  }

  /// The error for a call that failed just now.
  func failure(_ attempt: String, _ name: Name) -> AstError { Self.failure(attempt, path.appending(name), errno) }

  package static func failure(_ attempt: String, _ path: FilePath, _ number: Int32) -> AstError {
    let reason = "cannot \(attempt) \(path): \(Errno(rawValue: number))"
    switch number {
    case ENOSPC, EDQUOT: return .noSpaceLeft(reason)
    case EPERM:
      return AstError(
        .failed, reason, hint: "`lsattr -d` shows whether it or its directory is immutable; `chattr -ia` changes that")
    default: return AstError(.failed, reason)
    }
  }
}

extension FilePath.Component {
  /// The bytes of the name, which need not be text.
  var bytes: [UInt8] { withPlatformString { Array(UnsafeRawBufferPointer(start: $0, count: strlen($0))) } }
}
