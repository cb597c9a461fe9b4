import FoundationEssentials
import Glibc
import SystemPackage
import Testing

@testable import Host

/// Programs of the host.
@Suite("Child processes")
struct ChildProcessTests {
  private func complaint(_ body: () throws -> Void) -> String? {
    do { try body() } catch { return AstError(error).message }
    return nil
  }

  @Test func itsOutputAndItsInput() throws {
    #expect(try ChildProcess("printf", ["%s\\n%s", "one", "two"]).output() == "one\ntwo")
    #expect(try ChildProcess("printf", ["%s\\n%s", "one", "two"]).line() == "one")
    try ChildProcess("grep", ["-qx", "word"]).run(reading: Data("other\nword\n".utf8))
    // More than fits into a pipe, and not read.
    try ChildProcess("true", []).run(reading: Data(repeating: 0x78, count: 1 << 20))
    #expect(
      try ChildProcess("sh", ["-c", "readlink /proc/$$/fd/0; ls /proc/$$/fd"]).output().hasPrefix(
        "/dev/null\n0\n1\n2\n"))
  }

  @Test(arguments: [
    (["false"], "`false` failed (exit status 1)"), (["sh", "-c", "kill -TERM $$"], "`sh` failed (signal 15)"),
    (["sh", "-c", "echo first >&2; echo the error >&2; exit 3"], "`sh` failed (exit status 3): the error"),
    (["/nonexistent"], "cannot run `/nonexistent`: No such file or directory"),
  ])
  func itsFailure(command: [String], words: String) {
    let process = ChildProcess(command[0], Array(command.dropFirst()))
    #expect(complaint { try process.run() } == words)
    #expect(complaint { _ = try process.output() } == words)
  }

  @Test func moreThanAMebibyteIsRefused() {
    #expect(
      complaint { _ = try ChildProcess("head", ["-c", "3000000", "/dev/zero"]).output() }
        == "`head` prints more than a mebibyte")
    // Its messages are cut.
    #expect(complaint { try ChildProcess("sh", ["-c", "head -c 3000000 /dev/zero >&2"]).run() } == nil)
  }

  @Test func whatItLeavesRunningIsNotWaitedFor() throws {
    let output = try ChildProcess("sh", ["-c", "sleep 1000 >&2 & echo $!"]).output()
    let left = try #require(Int32(output.prefix { $0 != "\n" }))
    #expect(kill(left, SIGKILL) == 0)
  }

  @Test func nothingOfOursIsOpenInIt() throws {
    let file = try FileDescriptor.open("/", .readOnly, options: [])
    defer { try? file.close() }
    #expect(try ChildProcess("ls", ["/proc/self/fd"]).output() == "0\n1\n2\n3\n")
  }
}
