import Glibc
import SystemPackage
import Testing

@testable import Host

/// Programs whose messages go to a pipe of ours.
@Suite("Messages of programs")
struct OutputRelayTests {
  private let exit: FileDescriptor
  private let entrance: FileDescriptor

  init() throws {
    (exit, entrance) = try FileDescriptor.pipe()
    for end in [exit, entrance] { _ = fcntl(end.rawValue, F_SETFD, FD_CLOEXEC) }
  }

  private func show(_ script: String) throws { try ChildProcess("sh", ["-c", script]).run(showing: entrance) }

  /// What has been written to the pipe, to its end.
  private func text() throws -> String {
    try entrance.close()
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    let count = try exit.closeAfter { try bytes.withUnsafeMutableBytes { try exit.read(into: $0) } }
    return String(decoding: bytes[..<count], as: UTF8.self)
  }

  @Test func allOfThemArrive() throws {
    try show("echo one; echo two >&2; echo three")
    #expect(try text() == "one\ntwo\nthree\n")
  }

  /// More than a pipe holds.
  @Test func programGoesOnWithoutAReader() throws {
    try exit.close()
    try show("head -c 300000 /dev/zero && echo done")
    try entrance.close()
  }

  @Test func programThatIsLeftBehindIsNotWaitedFor() throws {
    try show("sleep 1000 & echo $!")
    let left = try #require(try pid_t(text().prefix { $0 != "\n" }))
    #expect(kill(left, SIGKILL) == 0)
  }
}
