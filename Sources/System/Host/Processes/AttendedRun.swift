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
    let result = try OutputRelay.standing(for: .standardError) { error in
      try standing(forOutputBeside: error) { output in
        guard error != .standardError || output != .standardOutput else { return try run(command) }
        return try run(command, on: .attendedWriting(output: output, error: error))
      }
    }
    ReachedLimits.note(result.reachedLimits, of: limits)
    return result
  }

  /// Calls `body` with a descriptor for standard output: the same as for standard error if they are the same file,
  /// because their order counts.
  private func standing(
    forOutputBeside error: FileDescriptor, _ body: (FileDescriptor) throws -> SandboxResult
  ) throws -> SandboxResult {
    if isSame(.standardOutput, .standardError) { return try body(error == .standardError ? .standardOutput : error) }
    return try isFile(.standardOutput) ? OutputRelay.standing(for: .standardOutput, body) : body(.standardOutput)
  }
}

/// Whether a descriptor is of a regular file or a disk.
private func isFile(_ descriptor: FileDescriptor) -> Bool {
  var status = stat()
  return fstat(descriptor.rawValue, &status) == 0 && [S_IFREG, S_IFBLK].contains(status.st_mode & S_IFMT)
}

/// Whether two descriptors are of the same file.
private func isSame(_ one: FileDescriptor, _ other: FileDescriptor) -> Bool {
  var (first, second) = (stat(), stat())
  guard fstat(one.rawValue, &first) == 0, fstat(other.rawValue, &second) == 0 else { return false }
  return first.st_dev == second.st_dev && first.st_ino == second.st_ino
}
