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

  /// What the scripts of packages print, in events that a reader can leave out.
  @Test func outputOfProgramsIsInEvents() throws {
    let lines = try node.ast("install", "--progress=json", "many-2").expectSuccess().saidInJSON
    let output = lines.filter { $0["event"] == .text("output") }
    #expect(output.allSatisfy { $0.keys == ["event", "leftOut", "lines", "node", "transaction"] })
    let said = output.flatMap { $0["lines"].elements }
    #expect(said.contains(.text("Setting up many-2 (1.0) ...")), "\(said)")
    #expect(output.allSatisfy { $0["node"] == .number(Double(node.id)) && $0["transaction"] != .null })
  }

  /// What programs write to standard error is in events, too: nothing else is there.
  @Test(arguments: [["--progress=json"], ["--json", "--progress=json"]])
  func programsOfARunWriteEvents(options: [String]) throws {
    let script = "echo one; echo two >&2; printf three >&2; seq 1000 >&2; touch /root/x; exit 0"
    let result = try node.store.ast(options + ["run", "\(node.id)", "sh", "-c", script]).expectSuccess()
    let lines = try result.saidInJSON
    #expect(lines.first?["node"] == .number(Double(node.id)))
    let said = lines.filter { $0["event"] == .text("output") }.flatMap { $0["lines"].elements }
    #expect(said.last == .text("1000") && said.count <= 200, "\(said)")
    #expect(said.contains(.text("one")) == options.contains("--json"))
    #expect(lines.contains { $0["leftOut"] != .null && $0["leftOut"] != .number(0) })
    let states = lines.map { $0["state"] }.filter { $0 != .null }
    #expect(states == ["working", "verifying", "committing"].map { .text($0) })
    #expect(lines.last?["result"]["effect"] == .text("committed"))
  }

  /// A failure has its transaction in each line since it began, and its error in the last.
  @Test func failureIsInTheLastEvent() throws {
    let result = try node.store.ast("--progress=json", "run", "\(node.id)", "/nonexistent")
    let lines = try result.saidInJSON
    #expect(result.status == 127 && lines.last?["status"] == .number(127))
    #expect(lines.last?["error"]["code"] == .text("failed") && lines.last?["result"] == .null)
    #expect(lines.first?["transaction"] == .null && lines.last?["transaction"] != .null)
    #expect(lines.filter { $0["event"] != .text("started") }.allSatisfy { $0["transaction"] != .null })
  }

  /// The verbs without packages have steps, too.
  @Test(arguments: [["doctor"], ["dedupe"], ["gc", "-y"], ["ast-sync"], ["tree-run", "1", "touch", "/root/x"]])
  func everyLongVerbHasProgress(verb: [String]) throws {
    let store = try TestStore()
    for _ in 0..<2 { try store.ast("clone", "0").expectSuccess() }
    for _ in 0..<2 { try store.ast("run", "1", "sh", "-c", "echo x >>/root/y").expectSuccess() }
    if verb[0] == "gc" { try store.ast("run", "1", "sh", "-c", "echo x >>/root/y").expectSuccess() }
    let words = verb[0] == "gc" ? verb + ["--keep=1"] : verb
    let lines = try store.ast(["--progress=json"] + words).saidInJSON
    #expect(lines.last?["status"] == .number(0), "\(lines)")
    let wholes = lines.compactMap { if case .number(let whole) = $0["overall"] { whole } else { nil } }
    #expect(!wholes.isEmpty && wholes == wholes.sorted(), "\(lines)")
  }

  /// A reader that does not read does not hold up the work, nor the end of it.
  @Test func readerThatDoesNotRead() throws {
    let script = "mkfifo \"$0\" && exec 3<>\"$0\" && head -c 65000 /dev/zero >&3 && exec timeout 60 \"$@\""
    let pipe = try LoopBtrfs.shared.newDirectory().appending("pipe")
    let end = try TestSupport.run(
      ["bash", "-c", script, pipe.string, AstBinary.path.string, "--progress-fd=3"] + node.words("install", ["many-3"]),
      environment: plainEnvironment.merging(["AST_STORE": node.store.root.string]) { $1 })
    #expect(end.status == 0, "\(end)")
  }

  /// The installation of a package with many steps: there are no more than ten lines in a second.
  @Test func progressIsNotFasterThanTheEye() throws {
    let script = "exec 3>&1; \"$@\" 2>&1 >/dev/null | while read -r line; do echo \"$(date +%s%3N) $line\"; done"
    let stamped = try runSuccessfully(
      ["bash", "-c", script, "bash", AstBinary.path.string, "--progress=json"]
        + node.words("install", Self.many.map(\.name)),
      environment: plainEnvironment.merging(["AST_STORE": node.store.root.string]) { $1 }
    ).lines.filter { $0.contains("\"progress\"") || $0.contains("\"output\"") }.compactMap {
      Int($0.prefix { $0 != " " })
    }
    #expect(stamped.count > 2)
    for first in stamped { #expect(stamped.count { (first..<first + 1000).contains($0) } <= 10, "\(stamped)") }
  }
}
