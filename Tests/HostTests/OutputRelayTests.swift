import Glibc
import SystemPackage
import Testing

@testable import Host

/// What stands in for a pipe of ours while programs write to it.
@Suite("Messages of programs")
struct OutputRelayTests {
  private let exit: FileDescriptor
  private let entrance: FileDescriptor

  init() throws { (exit, entrance) = try FileDescriptor.pipe() }

  /// What has been written to the pipe, to its end.
  private func text() throws -> String {
    try entrance.close()
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    let count = try exit.closeAfter { try bytes.withUnsafeMutableBytes { try exit.read(into: $0) } }
    return String(decoding: bytes[..<count], as: UTF8.self)
  }

  @Test func allOfThemArrive() throws {
    try OutputRelay.standing(for: entrance) { output in
      #expect(output != entrance)
      for word in ["one\n", "two\n", "three\n"] { try output.writeAll(word.utf8) }
    }
    #expect(try text() == "one\ntwo\nthree\n")
  }

  /// More than a pipe holds.
  @Test func writingGoesOnWithoutAReader() throws {
    try exit.close()
    try OutputRelay.standing(for: entrance) { output in
      for _ in 0..<10 { try output.writeAll(repeatElement(0, count: 100_000)) }
    }
    try entrance.close()
  }

  @Test func programThatIsLeftBehindIsNotWaitedFor() throws {
    let left = try OutputRelay.standing(for: entrance) { output in
      try output.writeAll("one\n".utf8)
      return try output.duplicate()
    }
    #expect(try text() == "one\n")
    try left.close()
  }

  @Test func filesNeedNoRelay() throws {
    for end in [exit, entrance] { try end.close() }
    let file = try FileDescriptor.open("/dev/null", .writeOnly)
    try file.closeAfter { try OutputRelay.standing(for: file) { #expect($0 == file) } }
  }
}
