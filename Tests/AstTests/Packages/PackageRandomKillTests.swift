import Glibc
import TestSupport
import Testing

/// Commands about packages that are killed at any moment: the node has all of the change or nothing of it, and the next
/// command finds the store in order.
///
/// `AST_KILL_SEED` repeats a run, except for its timing.
@Suite("Package commands killed at random", .requiresRoot)
struct PackageRandomKillTests {
  private static let shelf = DebPackage("library", files: ["/usr/share/library": "old\n"])
  private static let tool = DebPackage(
    "tool", fields: ["Depends": "library"], files: ["/usr/bin/tool": "#!/bin/sh\n"],
    scripts: [.postinst: "echo done >/var/lib/tool", .postrm: "rm -f /var/lib/tool"])

  @Test func nodeHasTheWholeChangeOrNothingOfIt() throws {
    let seed = getenv("AST_KILL_SEED").flatMap { UInt64(String(cString: $0)) } ?? UInt64.random(in: 0 ... .max)
    var random = SeededGenerator(seed: seed)
    let node = try PackageNode(in: PackageStore(publishing: [Self.shelf, Self.tool]))
    try node.ast("refresh").expectSuccess()
    let (with, without) = ("library:all 1.0, tool:all 1.0", "")
    func content() throws -> String { try node.added().sorted().joined(separator: ", ") }
    #expect(try content() == without)
    for attempt in 1...30 {
      let before = try content()
      let words = before == without ? ["install", "tool"] : ["remove", "--auto-remove", "tool"]
      let delay = UInt32.random(in: 0...1_300_000, using: &random)
      let command = try node.start(words[0], words[1], words.count > 2 ? words[2] : "--no-refresh")
      usleep(delay)
      command.send(SIGKILL)
      let end = try command.wait()
      let what = "attempt \(attempt), seed \(seed), \(words) killed after \(delay) µs: \(end)"
      try node.store.ast("tmp").expectSuccess()
      let after = try content()
      #expect([with, without].contains(after), "\(what): \(after)")
      #expect((try node.text(of: "/var/lib/tool") != nil) == (after == with), "\(what)")
      #expect(try Consistency.problems(of: node.store) == [], "\(what)")
    }
  }
}
