import FoundationEssentials
import Glibc
import SystemPackage
import TestSupport
import Testing

/// The one object of `--json`, whatever stops the command.
@Suite("JSON of what is stopped", .requiresRoot)
struct EnvelopeTests {
  private static let members = ["apiVersion", "data", "error", "transaction"]
  private static let errorMembers = ["code", "hint", "holder", "log", "message", "state"]

  /// Checks the object of a command that a signal has stopped.
  private func expectInterrupted(
    _ end: CommandResult, by signal: Int32, _ comment: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> JSON {
    #expect(end.status == 128 + signal, comment, sourceLocation: sourceLocation)
    let object = try end.json
    #expect(object.keys == Self.members, comment, sourceLocation: sourceLocation)
    #expect(object["data"] == .null, comment, sourceLocation: sourceLocation)
    #expect(object["error"].keys == Self.errorMembers, comment, sourceLocation: sourceLocation)
    #expect(object["error"]["code"] == .text("interrupted"), comment, sourceLocation: sourceLocation)
    return object
  }

  @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
  func commandThatWaitsForALock(signal: Int32) throws {
    let store = try TestStore()
    try store.ast("clone", "0").expectSuccess()
    let holder = try store.start(["run", "1", "sleep", "1000"])
    try store.awaitProcess(named: "sleep", in: 1)
    let waiting = try store.start(["--json", "--wait", "--progress=json", "run", "1", "true"])
    try eventually("the first event") { waiting.hasWritten }
    usleep(200_000)
    waiting.send(signal)
    let end = try waiting.wait()
    let object = try expectInterrupted(end, by: signal)
    #expect(object["error"]["state"] == .text("unchanged"))
    #expect(object["transaction"] == .null)
    let last = try #require(try end.saidInJSON.last)
    #expect(last["event"] == .text("finished") && last["status"] == .number(Double(128 + signal)))
    #expect(last["error"] == object["error"] && last["transaction"] == .null)

    let busy = try store.ast("--json", "undo", "1")
    #expect(busy.status == 4)
    let named = try busy.json["error"]["holder"]
    #expect(named.keys == ["command", "pid", "since", "transaction"])
    #expect(named["pid"] == .number(Double(holder.pid)))
    #expect(named["command"] == .text("ast run 1 sleep 1000"))
    holder.send(SIGTERM)
    _ = try holder.wait()
  }

  @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
  func programThatRuns(signal: Int32) throws {
    let store = try TestStore()
    try store.ast("clone", "0").expectSuccess()
    let command = try store.start(["--json", "run", "1", "sleep", "1000"])
    try store.awaitProcess(named: "sleep", in: 1)
    command.send(signal)
    let object = try expectInterrupted(try command.wait(), by: signal)
    #expect(object["error"]["state"] == .text("discarded"))
    #expect(object["transaction"] != .null)
  }

  private static let steps = FailPointSteps()

  /// With a signal at each step: the object is that of a success, and the change is made, or that of an
  /// interruption, and it is not.
  @Test(arguments: KillScenario.all.filter { stopped.contains($0.verb) && $0.outcome == .oneCommit })
  func commandAtEachStage(scenario: KillScenario) throws {
    let words = ["--json"] + scenario.arguments
    let course = try scenario.newStore()
    try scenario.damage(course)
    let points = try course.failPoints(
      of: words, input: scenario.input, environment: scenario.environment, status: scenario.status)
    var store = try scenario.newStore()
    for index in Self.steps.chosen(from: points) {
      let old = try StoreContents(store)
      let variables = ["AST_FAIL_AT": "\(index + 1)", "AST_FAIL_SIGNAL": "\(SIGTERM)"]
      let end = try store.ast(
        words, input: scenario.input, environment: scenario.environment.merging(variables) { $1 })
      let what: Comment = "at point \(index + 1), '\(points[index])': \(end)"
      guard end.status == 128 + SIGTERM else {
        #expect(end.status == scenario.status, what)
        #expect(try end.json["error"] == .null, what)
        store = try scenario.newStore()
        continue
      }
      let object = try end.json
      #expect(object["error"]["code"] == .text("interrupted"), what)
      #expect(try StoreContents(store) == old, what)
      // The work of verbs over several nodes has no transaction of its own.
      guard object["data"] == .null else { continue }
      if let intent = points.firstIndex(of: "intent entered"), index >= intent {
        #expect(object["transaction"] != .null, what)
      }
    }
  }

  /// The verbs that are stopped at each stage: each kind of work.
  private static let stopped = ["run", "clone-tree", "undo", "del", "edit-conf", "deploy", "etc-update", "ast-sync"]

  @Test func installAtEachStage() throws {
    let node = try PackageVictim.upgradable()
    let points = try node.store.failPoints(of: try node.clone().words("install", ["tool", "--json"]))
    for index in points.indices {
      let before = try node.state()
      let variables = ["AST_FAIL_AT": "\(index + 1)", "AST_FAIL_SIGNAL": "\(SIGINT)"]
      let end = try node.ast("install", "--json", "tool", environment: variables)
      let what: Comment = "at point \(index + 1), '\(points[index])': \(end)"
      guard end.status != 0 else {
        #expect(try end.json["error"] == .null, what)
        try node.ast("undo").expectSuccess()
        continue
      }
      let object = try expectInterrupted(end, by: SIGINT, what)
      guard case .text(let operation) = object["transaction"] else {
        Issue.record("no transaction \(what)")
        continue
      }
      // The log is made when the work begins.
      if case .text(let log) = object["error"]["log"] {
        #expect(log == "\(node.store.root)/ast/log/\(operation).log", what)
        #expect(access(log, F_OK) == 0, what)
      }
      try node.expectUntouched(since: before, what)
    }
  }

  /// From the first moment on: a signal that comes before there is a handler ends the process as usual.
  @Test func commandThatHasJustStarted() throws {
    let store = try TestStore()
    for delay in stride(from: UInt32(0), through: 60_000, by: 3000) {
      let end = try store.interrupt(["--json", "clone", "0"], by: SIGTERM, after: delay)
      guard end.status != nil else {
        #expect(end.signal == SIGTERM && end.stdout == "", "\(delay): \(end)")
        continue
      }
      let object = try end.json
      #expect(object["error"]["code"] == (end.status == 0 ? .null : .text("interrupted")), "\(delay): \(end)")
    }
  }

  @Test func failuresNameTheirTransactionAndLog() throws {
    let node = try PackageNode(
      in: PackageStore(publishing: [DebPackage("broken", scripts: [.postinst: "echo why; exit 1"])]))
    let end = try node.ast("install", "--json", "broken")
    #expect(end.status == 1)
    let object = try end.json
    let number = try #require(try node.history().first?.number)
    #expect(object["transaction"] == .text("\(number)"))
    #expect(object["error"]["state"] == .text("discarded"))
    let log = "\(node.store.root)/ast/log/\(number).log"
    #expect(object["error"]["log"] == .text(log))
    #expect(try String(contentsOfFile: log, encoding: .utf8).contains("why"))
    #expect(try node.store.ast("--json", "run", "\(node.id)", "/nonexistent").json["transaction"] != .null)
  }

  @Test func aFullDiskHasItsObject() throws {
    let disk = try BootDisk(size: 512 << 20)
    try disk.fill(leaving: 0)
    let end = try disk.store.ast("--json", "deploy", "1")
    #expect(end.status == 7, "\(end)")
    #expect(try end.json["error"]["code"] == .text("no-space"))
    try disk.empty()
  }
}
