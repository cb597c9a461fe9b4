import FoundationEssentials
import Glibc
import SystemPackage
import TestSupport
import Testing

/// Commands at work, seen and stopped from another process.
@Suite("Watch and cancel", .requiresRoot)
struct WatchTests {
  private static let stuck = DebPackage("stuck", scripts: [.postinst: "sleep 1000 & sleep 1001"])
  private static let large = DebPackage(
    "large", files: ["/usr/share/large": .init(String(repeating: "x", count: 200_000))])
  private static let records: FilePath = "/run/ast/operations"

  let store: TestStore

  init() throws {
    store = try TestStore()
    try store.ast("clone", "0").expectSuccess()
  }

  /// Starts a program in node 1 that works until a file is there.
  private func startWork() throws -> StartedCommand {
    let work = try store.start(["run", "1", "sh", "-c", "touch /x; sleep 1000; exit 0"])
    try store.awaitProcess(named: "sleep", in: 1)
    return work
  }

  private func exists(_ path: FilePath) -> Bool { access(path.string, F_OK) == 0 }

  /// The name of the only command at work.
  private func name(in store: TestStore) throws -> String {
    let json = try store.ast("status", "--json").expectSuccess().json
    guard case .text(let name) = json["data"]["operations"][0]["operation"] else { return "" }
    return name
  }

  @Test func nothingIsAtWork() throws {
    let end = try store.ast("watch").expectSuccess()
    #expect(end.stdout == "No command is at work.\n" && end.stderr == "")
    #expect(try store.ast("watch", "--json").expectSuccess().json["data"]["operations"] == .array([]))
    #expect(try store.ast("watch", "t999").status == 3)
    #expect(try store.ast("cancel", "p999999").status == 3)
    #expect(try store.ast("watch", "17").status == 2)
  }

  @Test func statusHasTheNamesOfCommandsAtWork() throws {
    let work = try startWork()
    let status = try store.ast("status").expectSuccess().stdout
    let name = try name(in: store)
    #expect(name.hasPrefix("t"))
    #expect(status.contains("\(name) ast run 1 sh -c"), "\(status)")
    #expect(exists(Self.records.appending("p\(work.pid)")))
    let busy = try store.ast("run", "1", "true")
    #expect(busy.stderr.contains("\(name), `ast run 1") && busy.stderr.contains("`ast watch \(name)`"), "\(busy)")
    work.send(SIGTERM)
    _ = try work.wait()
    #expect(!exists(Self.records.appending("p\(work.pid)")))
    #expect(try !store.ast("status").stdout.contains("ast run 1"))
  }

  @Test func watchEndsWithTheCommand() throws {
    let work = try store.start(["run", "1", "sh", "-c", "touch /x; while [ ! -e /tmp/go ]; do sleep 0.1; done"])
    try store.awaitProcess(named: "sleep", in: 1)
    let name = try name(in: store)
    let watchers = [try store.start(["watch"]), try store.start(["watch", name, "--json"])]
    try eventually("the step") { watchers[0].hasWritten }
    let process = try #require(store.processes(in: 1).first { !$0.hasSuffix(" sleep") }?.prefix { $0 != " " })
    try runSuccessfully(["touch", "/proc/\(process)/root/tmp/go"])
    #expect(try work.wait().status == 0)
    let text = try watchers[0].wait()
    #expect(text.stdout == "\(name) is done.\n" && text.status == 0, "\(text)")
    #expect(text.stderr.hasPrefix("ast: \(name) is `ast run 1 sh -c 'touch /x; "), "\(text)")
    let lines = try watchers[1].wait().expectSuccess().stdout.lines.map {
      try JSONDecoder().decode(JSON.self, from: Data($0.utf8))
    }
    #expect(lines.first?["event"] == .text("started") && lines.last?["event"] == .text("finished"))
    #expect(lines.contains { $0["state"] == .text("working") && $0["cancellable"] == .bool(true) })
    #expect(lines.allSatisfy { $0["transaction"] == .text(String(name.dropFirst())) })
    #expect(lines.last?["status"] == .number(0) && lines.last?["error"] == .null)
    // Afterwards the history says the same.
    #expect(try store.ast("watch", name).expectSuccess().stdout == "\(name) is done.\n")
  }

  @Test func watchDrawsABarOnATerminal() throws {
    let work = try startWork()
    let terminal = try PseudoTerminal(
      [AstBinary.path.string, "watch"],
      environment: plainEnvironment.merging(["AST_STORE": store.root.string, "TERM": "xterm"]) { $1 })
    try terminal.expect("\rworking")
    work.send(SIGTERM)
    _ = try work.wait()
    try terminal.expect("was cancelled: nothing was changed.")
    #expect(try terminal.waitForExit() == 128 + SIGTERM)
  }

  @Test func failureIsTheStatusOfTheWatcher() throws {
    let work = try store.start(["run", "1", "sh", "-c", "sleep 1; exit 9"])
    try store.awaitProcess(named: "sleep", in: 1)
    let watcher = try store.ast("watch")
    #expect(try work.wait().status == 9)
    #expect(watcher.status == 9 && watcher.stdout.contains("failed: exit status 9"), "\(watcher)")
  }

  @Test func aCommandThatIsKilledIsSeenToBe() throws {
    let work = try startWork()
    let name = try name(in: store)
    let watcher = try store.start(["watch", name])
    try eventually("the step") { watcher.hasWritten }
    work.send(SIGKILL)
    _ = try work.wait()
    let end = try watcher.wait()
    #expect(end.status == 1 && end.stdout.contains("\(name) was killed"), "\(end)")
    // What it left is not taken for a command at work, and the next one, on any store, removes it.
    #expect(try store.ast("watch").stdout == "No command is at work.\n")
    try store.ast("desc", "1", "x").expectSuccess()
    #expect(!exists(Self.records.appending("p\(work.pid)")))
    let links = try runSuccessfully(["find", Self.records.string, "-xtype", "l"])
    #expect(!links.contains("/\(name)\n"))
  }

  /// A process that has the number of a killed one is left alone.
  @Test func anotherProcessWithTheNumberIsNotStopped() throws {
    let other = try StartedCommand(["sleep", "1000"])
    let record = Self.records.appending("p\(other.pid)")
    let start =
      #"{"apiVersion":1,"cancellable":true,"command":"ast run 1","event":"started","node":1,"operation":"p\#(other.pid)","#
      + #""pid":\#(other.pid),"processStarted":1,"started":"2026-12-03T00:00:00Z","store":"\#(store.root)","#
      + #""transaction":null,"user":"root"}"#
    try Data("\(start)\n".utf8).write(to: URL(filePath: record.string))
    #expect(try store.ast("cancel", "p\(other.pid)").status == 3)
    #expect(try store.ast("status", "--json").json["data"]["operations"] == .array([]))
    #expect(other.isRunning)
    try store.ast("desc", "1", "x").expectSuccess()
    #expect(!exists(record))
    other.send(SIGKILL)
  }

  /// Records are read by every command: what is none is passed over, and removed by the next change.
  @Test(arguments: [
    "", "{", "{}\n", "null\n", "[]\n", "\u{0}\u{0}\n", String(repeating: "a", count: 300_000),
    #"{"event":"started","pid":-1,"processStarted":-1,"store":"/"}"# + "\n",
  ]) func whatIsNoRecordIsPassedOver(text: String) throws {
    let record = Self.records.appending("p999999")
    try Data(text.utf8).write(to: URL(filePath: record.string))
    #expect(try store.ast("watch").stdout == "No command is at work.\n")
    #expect(try store.ast("watch", "p999999").status == 3)
    #expect(try store.ast("cancel", "p999999").status == 3)
    #expect(try store.ast("status", "--json").expectSuccess().json["data"]["operations"] == .array([]))
    try store.ast("desc", "1", "x").expectSuccess()
    #expect(!exists(record))
  }

  @Test func usersSeeWhatTheySeeOfTheHistory() throws {
    let work = try store.start(["run", "1", "sh", "-c", "touch /x; sleep 1000 # pass-word"])
    try store.awaitProcess(named: "sleep", in: 1)
    let name = try name(in: store)
    let status = try store.astAsNobody(["status", "--json"]).expectSuccess()
    #expect(status.stdout.contains("\"operation\":\"\(name)\"") && !status.stdout.contains("pass-word"), "\(status)")
    #expect(try !Files.text(Self.records.appending("p\(work.pid)")).contains("pass-word"))
    let refused = try store.astAsNobody(["cancel", name])
    #expect(refused.status == 1 && refused.stderr.contains("only root may stop \(name)"), "\(refused)")
    #expect(work.isRunning)
    work.send(SIGTERM)
    _ = try work.wait()
    #expect(try store.astAsNobody(["watch", name]).stdout.hasPrefix("\(name) was cancelled"))
    // Of a store that users cannot enter they see nothing.
    let closed = try TestStore(at: LoopBtrfs.shared.newDirectory().appending("closed"))
    try runSuccessfully(["chmod", "700", closed.root.removingLastComponent().string])
    try closed.ast("clone", "0").expectSuccess()
    let hidden = try closed.start(["run", "1", "sleep", "1000"])
    try closed.awaitProcess(named: "sleep", in: 1)
    let mode = try runSuccessfully(["stat", "--format=%a", Self.records.appending("p\(hidden.pid)").string])
    #expect(mode == "600\n")
    hidden.send(SIGTERM)
    _ = try hidden.wait()
  }

  @Test func cancelDiscards() throws {
    let work = try startWork()
    let name = try name(in: store)
    let end = try store.ast("cancel", name, "--json").expectSuccess().json
    #expect(end["data"]["cancelled"] == .bool(true) && end["data"]["operation"] == .text(name))
    #expect(try work.wait().status == 128 + SIGINT)
    let again = try store.ast("cancel", name)
    #expect(again.status == 1 && again.stdout == "\(name) has ended already: cancelled.\n", "\(again)")
    #expect(try store.ast("watch", name).status == 128 + SIGINT)
    #expect(try store.ast("history", "1").stdout.lines.contains { $0.contains("  cancelled  1 ") })
    #expect(try !exists(store.content(of: 1).appending("x")))
    #expect(try Consistency.problems(of: store) == [])
  }

  @Test func aShellEnds() throws {
    let terminal = try PseudoTerminal(
      [AstBinary.path.string, "chroot", "1"],
      environment: plainEnvironment.merging(["AST_STORE": store.root.string, "TERM": "xterm"]) { $1 })
    try terminal.send("echo re''ady\n")
    try terminal.expect("ready\r\n")
    #expect(try store.ast("cancel").status == 0)
    _ = try terminal.waitForExit()
  }

  /// A node's transaction leads to the whole command.
  @Test func allNodesOfACommandAreStopped() throws {
    try store.ast("branch", "1").expectSuccess()
    let work = try store.start(["tree-run", "1", "sh", "-c", "touch /y; sleep 1000"])
    try store.awaitProcess(named: "sleep", in: 1)
    let end = try store.ast("cancel", name(in: store))
    #expect(end.status == 0 && end.stderr.contains("works on 2 nodes, and is stopped as a whole"), "\(end)")
    #expect(try work.wait().status == 128 + SIGINT)
  }

  /// The stages in which a command has no transaction yet.
  @Test(arguments: [true, false])
  func aPlanIsCancelled(isPlanning: Bool) throws {
    let node = try PackageNode(in: PackageStore(), publishing: [Self.large])
    let server = node.repository.server
    let path = isPlanning ? try node.repository.indexPath : node.repository.path(of: Self.large)
    server.stall(path, after: 100)
    let work = try node.start("install", "large")
    try server.waitForStall(at: path)
    try #expect(name(in: node.store) == "p\(work.pid)")
    #expect(try node.store.ast("status").stdout.contains("p\(work.pid) ast install \(node.id) "))
    let watcher = try node.store.start(["watch"])
    try eventually("the step") { watcher.hasWritten }
    let end = try node.store.ast("cancel", "p\(work.pid)")
    #expect(end.status == 0 && end.stdout == "p\(work.pid) was cancelled: nothing was changed.\n", "\(end)")
    let stopped = try work.wait()
    #expect(stopped.signal == SIGINT || stopped.status == 128 + SIGINT, "\(stopped)")
    #expect(try watcher.wait().stdout == end.stdout)
    server.resume(path)
  }

  /// From the moment that the result is made durable.
  @Test func itIsTooLateToCancelACommit() throws {
    let hold = ["AST_FAIL_AT": "sealed", "AST_FAIL_SIGNAL": "\(SIGSTOP)"]
    let work = try store.start(["run", "1", "touch", "/x"], environment: hold)
    try eventually("the seal") { try runSuccessfully(["cat", "/proc/\(work.pid)/stat"]).contains(") T ") }
    let name = try name(in: store)
    let cancelling = try store.start(["cancel", name])
    try eventually("the warning") { cancelling.hasWritten }
    usleep(300_000)
    work.send(SIGCONT)
    #expect(try work.wait().status == 0)
    let end = try cancelling.wait()
    #expect(end.status == 1 && end.stdout == "It was too late: \(name) is done.\n", "\(end)")
    #expect(end.stderr.contains("is committing"))
    #expect(try exists(store.content(of: 1).appending("x")))
  }

  /// A full /run costs the record and nothing else.
  @Test(arguments: ["size=4k", "ro"])
  func runIsFull(options: String) throws {
    let script = """
      mkdir -p /run/ast; mount -t tmpfs none /run/ast; mkdir /run/ast/operations
      head -c 4096 /dev/zero >/run/ast/ballast; mount -o remount,"$0" /run/ast; "$@"
      [ "$(ls /run/ast/operations)" = '' ]
      """
    let end = try TestSupport.run(
      ["unshare", "--mount", "sh", "-ec", script, options, AstBinary.path.string, "run", "1", "touch", "/z"],
      environment: plainEnvironment.merging(["AST_STORE": store.root.string]) { $1 })
    #expect(end.status == 0 && !end.stderr.contains("warning"), "\(end)")
    #expect(try exists(store.content(of: 1).appending("z")))
  }
}

/// Text files.
private enum Files {
  static func text(_ path: FilePath) throws -> String { try String(contentsOfFile: path.string, encoding: .utf8) }
}
