public import FoundationEssentials
import Glibc
public import SystemPackage

/// Files that must have a given content, whatever is in their place.
extension RootDirectory {
  /// Makes sure that a file of root has this content and mode, and makes the directories above it. A file that already
  /// does stays as it is; any other is replaced as a whole.
  ///
  /// - Returns: whether it was made or replaced.
  /// - Throws: `FileError`.
  public func install(_ data: Data, mode: mode_t, at file: FilePath) throws -> Bool {
    try attempt("install", file) {
      let (directory, name) = try parent(of: file, making: true)
      return try directory.closeAfter {
        let status = Self.status(of: name, in: directory)
        guard try !isInstalled(data, mode: mode, at: file, status: status) else { return false }
        try replace(name, in: directory) { temporary in
          let descriptor = openat(directory.rawValue, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
          guard descriptor >= 0 else { throw Errno(rawValue: errno) }
          let new = FileDescriptor(rawValue: descriptor)
          try new.closeAfter {
            _ = try new.writeAll(data)
            guard fchmod(descriptor, mode) == 0 else { throw Errno(rawValue: errno) }
          }
        }
        return true
      }
    }
  }

  /// Makes a file of root with this content and mode, unless it exists: then it belongs to the administrator.
  ///
  /// - Returns: whether it was made.
  /// - Throws: `FileError`.
  public func installOnce(_ data: Data, mode: mode_t, at file: FilePath) throws -> Bool {
    try attempt("install", file) {
      let (directory, name) = try parent(of: file, making: true)
      let isThere = try directory.closeAfter { Self.status(of: name, in: directory) != nil }
      return try isThere ? false : install(data, mode: mode, at: file)
    }
  }

  /// Makes sure that a file is a symbolic link to `target`, and makes the directories above it.
  ///
  /// - Returns: whether it was made or replaced.
  /// - Throws: `FileError`.
  public func installLink(to target: String, at file: FilePath) throws -> Bool {
    try attempt("install", file) {
      let (directory, name) = try parent(of: file, making: true)
      return try directory.closeAfter {
        guard Self.target(of: name, in: directory) != target else { return false }
        try replace(name, in: directory) { temporary in
          guard symlinkat(target, directory.rawValue, temporary) == 0 else { throw Errno(rawValue: errno) }
        }
        return true
      }
    }
  }

  private func replace(_ name: String, in directory: FileDescriptor, with make: (String) throws -> Void) throws {
    let temporary = "\(name).ast-new"
    // A file with that name is removed unopened: it could be a device node.
    unlinkat(directory.rawValue, temporary, 0)
    do {
      try make(temporary)
      guard renameat(directory.rawValue, temporary, directory.rawValue, name) == 0 else { throw Errno(rawValue: errno) }
    } catch {
      unlinkat(directory.rawValue, temporary, 0)
      throw error
    }
  }

  private func isInstalled(_ data: Data, mode: mode_t, at file: FilePath, status: stat?) throws -> Bool {
    guard let status, status.st_mode == S_IFREG | mode, status.st_uid == 0, status.st_gid == 0,
      status.st_size == data.count
    else { return false }
    return try contents(of: file) == data
  }

  private static func status(of name: String, in directory: FileDescriptor) -> stat? {
    var status = stat()
    return fstatat(directory.rawValue, name, &status, AT_SYMLINK_NOFOLLOW) == 0 ? status : nil
  }

  static func target(of name: String, in directory: FileDescriptor) -> String? {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlinkat(directory.rawValue, name, &buffer, buffer.count)
    return count < 0 ? nil : String(decoding: buffer.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}
