import Glibc
import SystemPackage

/// An output of a command that a test reads as it comes.
public enum FollowedOutput: Int, Sendable, CaseIterable {
  /// Standard output.
  case results = 1
  /// Standard error.
  case messages
  /// Descriptor 3.
  case third
}

/// Runs a program as ``run(_:environment:input:in:)`` does, reads one of its outputs up to a number of lines, and goes
/// away then.
///
/// - Parameter count: the number of lines; without it, all are read. With 0, nobody reads from the beginning.
/// - Returns: how it ended, and the lines that were read.
public func run(
  _ argv: [String], environment: [String: String] = plainEnvironment, following output: FollowedOutput,
  forLines count: Int? = nil
) throws -> (end: CommandResult, lines: [String]) {
  let files = [try unlinkedFile(), try unlinkedFile(), try unlinkedFile()]
  defer { for file in files { try? file.close() } }
  let (exit, entrance) = try FileDescriptor.pipe()
  for end in [exit, entrance] { _ = fcntl(end.rawValue, F_SETFD, FD_CLOEXEC) }
  if count == 0 { try exit.close() }
  var streams = files
  if output.rawValue < streams.count { streams[output.rawValue] = entrance } else { streams.append(entrance) }
  let pid = try spawn(argv.map { Array($0.utf8) }, environment, streams)
  try entrance.close()
  let lines = count == 0 ? [] : try read(count ?? .max, from: exit)
  if count != 0 { try exit.close() }
  return (try result(of: pid, files), lines)
}

/// The first lines of a pipe, byte by byte, so that nothing is read beyond them.
private func read(_ count: Int, from pipe: FileDescriptor) throws -> [String] {
  var lines: [String] = []
  var line: [UInt8] = []
  var byte: [UInt8] = [0]
  while lines.count < count, try byte.withUnsafeMutableBytes({ try pipe.read(into: $0) }) == 1 {
    if byte[0] == UInt8(ascii: "\n") {
      lines.append(String(decoding: line, as: UTF8.self))
      line = []
    } else {
      line.append(byte[0])
    }
  }
  return lines
}
