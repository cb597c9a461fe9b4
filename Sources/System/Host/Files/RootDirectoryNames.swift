import Glibc
import SystemPackage

/// Names in directories, whatever kind of file they have.
extension RootDirectory {
  /// The status of a name; nil if it does not exist.
  package func status(ofName file: FilePath) throws -> stat? {
    try attempt("examine", file) {
      guard let (directory, name) = try? parent(of: file, making: false) else { return nil }
      return try directory.closeAfter {
        var status = stat()
        if fstatat(directory.rawValue, name, &status, AT_SYMLINK_NOFOLLOW) == 0 { return status }
        guard errno == ENOENT else { throw Errno(rawValue: errno) }
        return nil
      }
    }
  }

  /// The target of a symbolic link; nil if the name is not one, or does not exist.
  ///
  /// - Throws: `FileError`.
  package func destinationOfLink(_ file: FilePath) throws -> String? {
    try attempt("read", file) {
      guard let (directory, name) = try? parent(of: file, making: false) else { return nil }
      return try directory.closeAfter { Self.target(of: name, in: directory) }
    }
  }

  /// Renames a file, and makes the directories above the new name. A file with that name is replaced.
  func move(_ file: FilePath, to new: FilePath) throws {
    try attempt("move", file) {
      let (directory, name) = try parent(of: file, making: false)
      try directory.closeAfter {
        let (other, newName) = try parent(of: new, making: true)
        try other.closeAfter {
          guard renameat(directory.rawValue, name, other.rawValue, newName) == 0 else { throw Errno(rawValue: errno) }
        }
      }
    }
  }

  /// Removes a file, if the name exists.
  ///
  /// - Throws: `FileError`.
  package func removeFile(_ file: FilePath) throws {
    try attempt("remove", file) {
      guard let (directory, name) = try? parent(of: file, making: false) else { return }
      try directory.closeAfter {
        guard unlinkat(directory.rawValue, name, 0) == 0 || errno == ENOENT else { throw Errno(rawValue: errno) }
      }
    }
  }

  /// Runs a step that changes names in a directory, which then gets its times back.
  ///
  /// - Throws: `FileError`, and what the step throws.
  package func keepingTimes<Result>(of directory: FilePath, _ step: () throws -> Result) throws -> Result {
    guard let place = try attempt("open", directory, { try open(directory, O_RDONLY | O_DIRECTORY) }) else {
      return try step()
    }
    return try place.closeAfter {
      var status = stat()
      try attempt("examine", directory) {
        guard fstat(place.rawValue, &status) == 0 else { throw Errno(rawValue: errno) }
      }
      let result = try step()
      try attempt("set the time of", directory) {
        guard futimens(place.rawValue, [status.st_atim, status.st_mtim]) == 0 else { throw Errno(rawValue: errno) }
      }
      return result
    }
  }
}
