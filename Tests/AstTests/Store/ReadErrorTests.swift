import FoundationEssentials
import SystemPackage
import TestSupport
import Testing

/// A disk that cannot be read: the message names the file and what the kernel has said, and nothing else is claimed.
@Suite("Read errors", .requiresRoot) struct ReadErrorTests {
  /// Claims about a store that is all right.
  private static let wrong = [
    "not an error", "is empty", "not on a btrfs", "rebuilt meanwhile", "read-only", "damaged",
  ]

  @Test(arguments: [["desc", "1", "new words"], ["tree"]], ["openat", "pread64", "newfstatat", "fstat", "statfs"])
  func theMessageSaysWhatTheDiskHasSaid(command: [String], call: String) throws {
    let store = try TestStore()
    try store.ast("clone", "0", "one").expectSuccess()
    let trace = try LoopBtrfs.shared.newDirectory().appending("trace")
    var (failures, number, last) = (0, 0, "")
    repeat {
      number += 1
      let result = try run(
        [
          "strace", "-qq", "-o", trace.string, "-P", "\(store.root)", "-P", "\(store.database)", "-e", "trace=\(call)",
          "-e",
          "signal=none", "-e", "inject=\(call):error=EIO:when=\(number)", AstBinary.path.string, "--store",
          "\(store.root)",
        ] + command)
      last = try String(contentsOfFile: trace.string, encoding: .utf8).lines.last { $0.hasSuffix("(INJECTED)") } ?? ""
      guard result.status != 0 else { continue }
      failures += 1
      #expect(result.status == 1 && result.stderr.hasPrefix("ast: "), "\(last): \(result)")
      #expect(!Self.wrong.contains { result.stderr.contains($0) }, "\(last): \(result)")
      #expect(result.stderr.contains("\(store.root)"), "\(last): \(result)")
    } while !last.isEmpty
    // A file that this call does not concern gets none of them.
    print("\(command[0]), \(call): \(failures) of \(number - 1) errors ended the command")
    #expect(call == "fstat" || call == "statfs" && command == ["tree"] || failures > 0)
    try store.ast("desc", "1", "at last").expectSuccess()
  }
}
