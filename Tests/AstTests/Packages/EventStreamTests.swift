import FoundationEssentials
import SystemPackage
import TestSupport
import Testing

/// The events of a command, for programs that follow it.
@Suite("Events", .requiresRoot)
struct EventStreamTests {
  private static let many = (1...25).map { DebPackage("many-\($0)") }
  private static let made = Result { try PackageNode(in: PackageStore(publishing: many)) }

  let node: PackageNode

  init() throws { node = try Self.made.get().clone() }

  /// The text of what fails, and of notes, is in events, too.
  @Test func everyLineOnStandardErrorIsAnEvent() throws {
    let result = try node.ast("install", "--progress=json", "no-such-package")
    #expect(result.status == 3)
    let lines = try result.saidInJSON
    #expect(lines.suffix(2).first?["event"] == .text("error"))
    #expect(lines.last?["status"] == .number(3))
  }

  @Test func progressGoesToAnotherDescriptor() throws {
    let script = "echo >&3 && exit 1; exit 0"
    let hooks = try LoopBtrfs.shared.newDirectory()
    let hook = hooks.appending("third")
    try Data("#!/bin/bash\n\(script)\n".utf8).write(to: URL(filePath: hook.string))
    try runSuccessfully(["chmod", "+x", hook.string])
    let (end, lines) = try TestSupport.run(
      [AstBinary.path.string, "--progress-fd=3"] + node.words("install", ["many-1"]),
      environment: plainEnvironment.merging(["AST_STORE": node.store.root.string, "AST_HOOKS": hooks.string]) { $1 },
      following: .third)
    #expect(end.status == 0, "\(end)")
    #expect(end.stdout == "Node \(node.id): 1 installed, generation 2.\n")
    #expect(end.stderr.contains("many-1"), "the plan is for people: \(end)")
    let events = try lines.map { try JSONDecoder().decode(JSON.self, from: Data($0.utf8))["event"] }
    #expect(events.first == .text("started") && events.last == .text("finished"))
    #expect(events.contains(.text("progress")))
  }

  /// The installation of a package with many steps: no kind has more than ten lines in a second.
  @Test func progressIsNotFasterThanTheEye() throws {
    let script = "exec 3>&1; \"$@\" 2>&1 >/dev/null | while read -r line; do echo \"$(date +%s%3N) $line\"; done"
    let stamped = try runSuccessfully(
      ["bash", "-c", script, "bash", AstBinary.path.string, "--progress=json"]
        + node.words("install", Self.many.map(\.name)),
      environment: plainEnvironment.merging(["AST_STORE": node.store.root.string]) { $1 }
    ).lines.filter { $0.contains("\"working\"") }.compactMap { Int($0.prefix { $0 != " " }) }
    #expect(stamped.count > 2)
    for first in stamped { #expect(stamped.count { (first..<first + 1000).contains($0) } <= 10, "\(stamped)") }
  }
}
