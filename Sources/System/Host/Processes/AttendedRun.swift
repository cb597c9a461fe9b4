import Glibc
import Sandbox
import SystemPackage

extension Sandbox {
  /// Runs a program with our own standard streams, and waits for its end.
  ///
  /// If our standard error is a pipe whose reader goes away, the program's messages are lost, and the program goes on.
  /// Standard output belongs to the program, which notices if nobody reads it, as in any pipeline; unless both are the
  /// same pipe.
  package func runAttended(_ command: [String]) throws -> SandboxResult {
    try OutputRelay.standing(for: .standardError) { error in
      guard error != .standardError else { return try run(command) }
      let output = isSame(.standardOutput, .standardError) ? error : .standardOutput
      return try run(command, on: .attendedWriting(output: output, error: error))
    }
  }
}

/// Whether two descriptors are of the same file.
private func isSame(_ one: FileDescriptor, _ other: FileDescriptor) -> Bool {
  var (first, second) = (stat(), stat())
  guard fstat(one.rawValue, &first) == 0, fstat(other.rawValue, &second) == 0 else { return false }
  return first.st_dev == second.st_dev && first.st_ino == second.st_ino
}
