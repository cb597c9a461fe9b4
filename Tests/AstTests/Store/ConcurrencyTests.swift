import FoundationEssentials
import Glibc
import SystemPackage
import TestSupport
import Testing

@Suite("Concurrency", .requiresRoot)
struct ConcurrencyTests {
  @Test(arguments: 1...4)
  func manyCommandsAtOnceDoAllOfTheirWorkOrNothing(round: Int) throws {
    var crowd = try Crowd()
    let ends = try crowd.run()
    let tree = try crowd.store.ast("tree").expectSuccess().stdout

    for (command, end) in ends {
      #expect(command.statuses.contains(end.status ?? -1), "\(command.words): \(end)")
      guard end.stdout.contains("\"busy\"") else { continue }
      // The holder is one of the crowd: its command and its pid.
      let isNamed = ends.contains { holder, _ in
        end.stdout.contains("`ast --json \(holder.words[0]) ") && end.stdout.contains("(pid \(holder.pid), since ")
      }
      #expect(isNamed, "\(end.stdout)")
    }
    let expected = try crowd.expectedNodes(after: ends)
    #expect(tree.split(separator: "\n").count == 1 + expected, "\(tree)")
    for node in Crowd.worked {
      let succeeded = ends.count { $0.0.works(on: node) && $0.1.status == 0 }
      #expect(try crowd.lines(in: node) == succeeded, "node \(node)")
    }
    #expect(try Consistency.problems(of: crowd.settled()) == [])
    #expect(try Consistency.findingsOfDoctor(crowd.store) == [])
  }

  @Test func waitLetsAllRunsOnANodeSucceedOneAfterTheOther() throws {
    let store = try TestStore()
    try store.ast("clone", "0").expectSuccess()
    let runs = try (1...6).map { _ in try store.start(["--wait", "run", "1", "sh", "-c", "echo >>/lines"]) }
    for run in runs { #expect(try run.wait().status == 0) }
    #expect(try String(contentsOfFile: "\(store.content(of: 1))/lines", encoding: .utf8) == "\n\n\n\n\n\n")
    #expect(try Consistency.findingsOfDoctor(store) == [])
  }

  @Test func aNodeThatIsWorkedOnIsBusyForChangesAndOpenForReading() throws {
    let store = try TestStore()
    try store.ast("clone", "0").expectSuccess()
    try store.ast("branch", "1").expectSuccess()
    let work = try store.start(["run", "2", "sleep", "1000"])
    try eventually("the work") { try store.ast("info", "2").stdout.contains("run running") }

    let running = try store.ast("status").stdout.matches(of: #/Running: +(t\d+) /#).first?.output.1
    let holder = try "node 2 is busy: \(#require(running)), `ast run 2 sleep 1000` (pid \(work.pid), since "
    for command in [
      ["undo", "2"], ["edit-conf", "2"], ["-y", "del", "2"], ["-y", "del", "1"], ["--wait=0.2", "undo", "2"],
    ] {
      let refused = try store.ast(command)
      #expect(refused.status == 4, "\(command)")
      #expect(refused.stderr.contains(holder), "\(command): \(refused.stderr)")
    }
    for command in [["run", "2", "true"], ["chroot", "2"], ["--wait=0.2", "run", "2", "true"]] {
      let refused = try store.ast(command)
      #expect(refused.status == 125, "\(command)")
      #expect(refused.stderr.contains(holder), "\(command): \(refused.stderr)")
    }
    #expect(try store.ast("tree-run", "1", "touch", "/new").status == 6)
    for command in [["tree"], ["tree", "--long"], ["status"], ["info", "2"], ["history", "2"]] {
      #expect(try store.ast(command).status == 0, "\(command)")
    }
    // A command that does not change the node itself does not wait either.
    for command in [
      ["clone", "2"], ["desc", "2", "busy"], ["clone-tree", "1"], ["run", "1", "touch", "/other"], ["tmp"],
    ] {
      #expect(try store.ast(command).status == 0, "\(command)")
    }
    #expect(try Consistency.findingsOfDoctor(store) == [])
    #expect(work.isRunning)
    work.send(SIGTERM)
    #expect(try work.wait().status == 128 + SIGTERM)
    #expect(try Consistency.problems(of: store) == [])
  }

  @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
  func whoeverWaitsCanBeInterrupted(signal: Int32) throws {
    let store = try TestStore()
    try store.ast("clone", "0").expectSuccess()
    let work = try store.start(["run", "1", "sleep", "1000"])
    try eventually("the work") { try store.ast("info", "1").stdout.contains("run running") }
    for wait in ["--wait", "--wait=1000"] {
      let waiting = try store.start([wait, "run", "1", "true"])
      try eventually("the lock file to be open") { try waiting.hasOpen(store.root.appending("ast/lock/node-1")) }
      waiting.send(signal)
      let end = try waiting.wait()
      #expect(end.signal == signal || end.status == 128 + signal, "\(wait): \(end)")
    }
    #expect(work.isRunning)
  }

  @Test func doctorFindsNothingWrongWithWhatOthersAreMaking() throws {
    let store = try TestStore()
    try store.ast("clone", "0").expectSuccess()
    try store.ast("branch", "1").expectSuccess()
    let loop = "for i in 1 2 3 4 5 6; do \"$@\" >/dev/null 2>&1; done"
    let makers = try [["clone-tree", "1"], ["run", "1", "touch", "/new"], ["run", "2", "sh", "-c", "echo >>/lines"]].map
    {
      try StartedCommand(
        ["sh", "-c", loop, "sh", AstBinary.path.string] + $0,
        environment: plainEnvironment.merging(["AST_STORE": store.root.string]) { $1 })
    }
    while makers.contains(where: \.isRunning) { #expect(try Consistency.findingsOfDoctor(store) == []) }
    for maker in makers { #expect(try maker.wait().status == 0) }
  }
}

extension StartedCommand {
  /// Whether the process has a file open.
  fileprivate func hasOpen(_ file: FilePath) throws -> Bool {
    let directory = "/proc/\(pid)/fd"
    let files = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
    return files.contains {
      (try? FileManager.default.destinationOfSymbolicLink(atPath: "\(directory)/\($0)")) == file.string
    }
  }
}
