import SystemPackage

/// A system call on a file that failed: the attempt, the path, and the answer of the kernel.
public struct FileError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The words between "cannot" and the path, as in "rename a to".
  let attempt: String
  /// The path of the call.
  let path: FilePath
  /// The kernel's answer.
  public let errno: Errno

  package init(_ attempt: String, _ path: FilePath, _ errno: Errno) {
    (self.attempt, self.path, self.errno) = (attempt, path, errno)
  }

  /// The sentence without its state: "cannot rename a to b: No such file or directory".
  public var description: String { "cannot \(attempt) \(path): \(errno)" }
}
