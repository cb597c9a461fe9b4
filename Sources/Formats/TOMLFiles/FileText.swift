internal import Glibc
internal import SystemPackage

/// The text of a file that an administrator named, up to a bound: far more than any such file has.
enum FileText {
  static let limit = 1 << 20

  /// The content of a regular file. Anything else is not even read: a FIFO would make a commit wait.
  static func regular(_ path: FilePath) throws -> [UInt8] {
    let file = try FileDescriptor.open(path, .readOnly, options: [.closeOnExec, .nonBlocking])
    return try file.closeAfter {
      var status = stat()
      guard fstat(file.rawValue, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { throw Errno.invalidArgument }
      return try read(file)
    }
  }

  /// The content of a file of any kind: a shell's `<(…)` is a pipe.
  static func any(_ path: FilePath) throws -> [UInt8] {
    let file = try FileDescriptor.open(path, .readOnly, options: .closeOnExec)
    return try file.closeAfter { try read(file) }
  }

  private static func read(_ file: FileDescriptor) throws -> [UInt8] {
    var content: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 1 << 16)
    while case let count = try piece.withUnsafeMutableBytes({ try file.read(into: $0) }), count > 0 {
      content += piece[..<count]
      guard content.count <= limit else { throw Errno.fileTooLarge }
    }
    return content
  }
}
