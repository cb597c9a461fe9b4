import CFiles
import FoundationEssentials
import Glibc
import SystemPackage

/// Calls on files at trusted paths. Their errors say what was tried on which path.
package enum Files {
  /// Runs `body`, and adds to a bare error number what was tried on which path.
  ///
  /// - Throws: `FileError` for an `Errno`; any other error as it is.
  package static func attempt<Result>(
    _ action: String, _ path: FilePath, _ body: () throws -> Result
  ) throws -> Result {
    do { return try body() } catch let error as Errno { throw FileError(action, path, error) }
  }

  /// Gives a file another name, in place of a file that has it.
  package static func rename(_ old: FilePath, to new: FilePath) throws {
    let result = old.withPlatformString { old in new.withPlatformString { Glibc.rename(old, $0) } }
    guard result == 0 else { throw failure("rename \(old) to", new) }
  }

  /// Makes a directory. A path that exists is an error.
  package static func makeDirectory(_ path: FilePath, mode: mode_t = 0o755) throws {
    guard path.withPlatformString({ mkdir($0, mode) }) == 0 else { throw failure("make the directory", path) }
  }

  /// Makes a directory unless the path exists.
  package static func ensureDirectory(_ path: FilePath, mode: mode_t = 0o755) throws {
    do {
      try makeDirectory(path, mode: mode)
    } catch let error as FileError where error.errno == .fileExists {
      return
    }
  }

  /// Makes a directory and those above it, unless they exist.
  package static func ensureDirectories(_ path: FilePath) throws {
    guard access(path.string, F_OK) != 0, path.lastComponent != nil else { return }
    try ensureDirectories(path.removingLastComponent())
    try ensureDirectory(path)
  }

  /// Makes a symbolic link. A path that exists is an error.
  package static func makeLink(_ path: FilePath, to target: String) throws {
    guard path.withPlatformString({ symlink(target, $0) }) == 0 else { throw failure("make the link", path) }
  }

  /// Removes a file that is not a directory. A path that does not exist is an error.
  package static func removeFile(_ path: FilePath) throws {
    guard path.withPlatformString(unlink) == 0 else { throw failure("remove", path) }
  }

  /// Removes a file that is not a directory, if it exists.
  package static func removeFileIfPresent(_ path: FilePath) throws {
    guard path.withPlatformString(unlink) == 0 || errno == ENOENT else { throw failure("remove", path) }
  }

  /// Removes an empty directory. A path that does not exist is an error.
  package static func removeDirectory(_ path: FilePath) throws {
    guard path.withPlatformString(rmdir) == 0 else { throw failure("remove the directory", path) }
  }

  /// Removes an empty directory, if it exists.
  package static func removeDirectoryIfPresent(_ path: FilePath) throws {
    guard path.withPlatformString(rmdir) == 0 || errno == ENOENT else { throw failure("remove the directory", path) }
  }

  /// Sets the permissions of a file.
  package static func setMode(_ path: FilePath, _ mode: mode_t) throws {
    guard path.withPlatformString({ chmod($0, mode) }) == 0 else { throw failure("set the permissions of", path) }
  }

  /// The names in a directory, in no particular order.
  package static func names(in directory: FilePath) throws -> [String] {
    guard let stream = directory.withPlatformString(opendir) else { throw failure("list", directory) }
    defer { closedir(stream) }
    var names: [String] = []
    errno = 0
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { name in
        name.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
      errno = 0
    }
    guard errno == 0 else { throw failure("list", directory) }
    return names
  }

  /// The content of a file.
  package static func contents(of path: FilePath) throws -> Data {
    try attempt("read", path) {
      let file = try FileDescriptor.open(path, .readOnly, options: .closeOnExec)
      return try file.closeAfter {
        var contents = Data()
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = try piece.withUnsafeMutableBytes({ try file.read(into: $0) }), count > 0 {
          contents.append(contentsOf: piece[..<count])
        }
        return contents
      }
    }
  }

  /// The content of a text file.
  package static func text(of path: FilePath) throws -> String {
    String(decoding: try contents(of: path), as: UTF8.self)
  }

  /// Gives a file this content. A new file has mode 0644; an error can leave a part of the content.
  package static func write(_ content: some Sequence<UInt8>, to path: FilePath) throws {
    try attempt("write", path) {
      let file = try FileDescriptor.open(
        path, .writeOnly, options: [.create, .truncate, .closeOnExec],
        permissions: [.ownerReadWrite, .groupRead, .otherRead])
      try file.closeAfter { _ = try file.writeAll(content) }
    }
  }

  /// Replaces a file that programs read at any time, in a directory that is gone at the next start: the old content or
  /// the new one, and all may read it.
  package static func replace(_ path: FilePath, by text: String) throws {
    let new = FilePath("\(path).ast-new")
    do {
      try write(text.utf8, to: new)
      try setMode(new, 0o644)
      try rename(new, to: path)
    } catch {
      unlink(new.string)
      throw error
    }
  }

  /// Makes a file that is nowhere but in memory, and opens it.
  package static func openInMemory() throws -> FileDescriptor {
    let opened = cfiles_open_in_memory()
    guard opened >= 0 else { throw AstError(.failed, "cannot make a file in memory: \(Errno(rawValue: -opened))") }
    return FileDescriptor(rawValue: opened)
  }

  /// Makes the content of a file durable.
  package static func sync(_ path: FilePath) throws {
    try attempt("sync", path) {
      let file = try FileDescriptor.open(path, .readOnly, options: .closeOnExec)
      try file.closeAfter { guard fsync(file.rawValue) == 0 else { throw Errno(rawValue: errno) } }
    }
  }

  /// The error for a call that failed just now.
  private static func failure(_ attempt: String, _ path: FilePath) -> FileError {
    FileError(attempt, path, Errno(rawValue: errno))
  }
}
