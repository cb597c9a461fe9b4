import FoundationEssentials
import Glibc
import SystemPackage
import TestSupport
import Testing

/// `ast chroot` from a shell on a terminal, with a real Debian.
@Suite("chroot on a terminal", .requiresRoot, .serialized)
struct ChrootTerminalTests {
  let node: DebianNode
  let before: Traces
  let shell: OuterShell
  let settings: [String]

  init() throws {
    node = try DebianNode()
    before = try node.traces()
    shell = try OuterShell(node.store)
    settings = try shell.command("stty -g")
  }

  /// The condition after every session: nothing is running, mounted or staged, and the terminal is as before.
  private func expectNothingLeft(sourceLocation: SourceLocation = #_sourceLocation) throws {
    #expect(try node.traces() == before, sourceLocation: sourceLocation)
    #expect(try shell.command("stty -g") == settings, sourceLocation: sourceLocation)
  }

  private func expectDiscarded(_ message: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let last = try node.lastOperation()
    #expect(last.kind == "chroot", sourceLocation: sourceLocation)
    #expect(last.state == "failed", sourceLocation: sourceLocation)
    #expect(last.message == message, sourceLocation: sourceLocation)
    #expect(try node.info().generation == 1, sourceLocation: sourceLocation)
  }

  @Test func controlCEndsTheCommandAndKeepsTheShell() throws {
    try shell.enter(node)
    try shell.terminal.send("sleep 1000\n")
    try node.awaitProcess(named: "sleep")
    try shell.terminal.send("\u{3}")
    try shell.terminal.expect(OuterShell.prompt(in: node))
    #expect(try shell.inside(node, "echo $?") == ["130"])
    #expect(try shell.leave(node, "exit 0").status == "0")
    try expectNothingLeft()
  }

  @Test func controlZGivesJobsToTheShellInside() throws {
    try shell.enter(node)
    try shell.terminal.send("sleep 1000\n")
    let sleeper = try node.store.awaitProcess(named: "sleep", in: node.id)
    try shell.terminal.send("\u{1A}")
    try shell.terminal.expect(OuterShell.prompt(in: node))
    let jobs = try shell.inside(node, "jobs")
    #expect(jobs.count == 1)
    #expect(jobs[0].hasPrefix("[1]+  Stopped") && jobs[0].hasSuffix("sleep 1000"))
    try shell.terminal.send("fg\n")
    try shell.terminal.expect("sleep 1000")
    // The shell prints this first, then gives it the terminal, and then continues it.
    try eventually("the job goes on") {
      try !String(contentsOfFile: "/proc/\(sleeper)/stat", encoding: .utf8).contains("(sleep) T ")
    }
    try shell.terminal.send("\u{3}")
    try shell.terminal.expect(OuterShell.prompt(in: node))
    #expect(try shell.inside(node, "echo $?; jobs") == ["130"])
    #expect(try shell.leave(node, "exit 0").status == "0")
    try expectNothingLeft()
  }

  @Test func sizeOfTheWindowIsFollowed() throws {
    try shell.enter(node)
    #expect(try shell.inside(node, "stty size") == ["24 200"])
    shell.terminal.resize(rows: 50, columns: 132)
    // The shell redraws its prompt when the size changes.
    try shell.terminal.send("stty size\n")
    try shell.terminal.expect("\r\n50 132\r\n")
    try shell.terminal.expect(OuterShell.prompt(in: node))
    try shell.terminal.send("sh -c 'trap \"stty size; exit\" WINCH; echo w$((1+1)); while sleep 0.05; do :; done'\n")
    try shell.terminal.expect("w2")
    shell.terminal.resize(rows: 33, columns: 99)
    try shell.terminal.expect("33 99")
    try shell.terminal.expect(OuterShell.prompt(in: node))
    #expect(try shell.leave(node, "exit 0").status == "0")
    try expectNothingLeft()
  }

  @Test func exitZeroKeepsTheChanges() throws {
    try shell.enter(node)
    try shell.inside(node, "echo hello >/root/note")
    let end = try shell.leave(node, "exit 0")
    #expect(end.shown == ["exit", "ast: node \(node.id): changes kept as generation 2"])
    #expect(end.status == "0")
    #expect(try node.text(of: "root/note") == "hello\n")
    #expect(try node.info() == NodeInfo(generation: 2, previous: 1, packages: node.info().packages))
    #expect(try node.lastOperation().state == "done")
    try expectNothingLeft()
  }

  @Test(arguments: [1, 2, 42, 130, 255])
  func anyOtherStatusDiscardsAndIsReturned(status: Int) throws {
    try shell.enter(node)
    try shell.inside(node, "echo hello >/root/note; rm -r /usr/share/doc")
    let end = try shell.leave(node, "exit \(status)")
    #expect(end.shown == ["exit", "ast: node \(node.id): exit status \(status); changes discarded"])
    #expect(end.status == "\(status)")
    try expectDiscarded("exit status \(status)")
    try expectNothingLeft()
  }

  @Test func lookingAroundMakesNoGeneration() throws {
    try shell.enter(node)
    try shell.inside(node, "cd /etc; ls -l >/dev/null; cat /usr/share/common-licenses/GPL-3 >/dev/null; cd /")
    try shell.inside(node, "echo scratch >/tmp/file; dpkg-query --list >/run/list")
    let end = try shell.leave(node, "exit 0")
    #expect(end.shown == ["exit", "ast: node \(node.id): nothing was changed"])
    #expect(end.status == "0")
    #expect(try node.info().generation == 1)
    try expectNothingLeft()
  }

  @Test(.enabled("the Debian mirror cannot be reached") { DebianNode.withPackageLists != nil })
  func packageInstalledInTheSessionIsInTheManifest() throws {
    let node = try DebianNode(cloneOf: #require(DebianNode.withPackageLists))
    let packages = try #require(try node.info().packages)
    try shell.enter(node)
    try shell.terminal.send("apt-get install --yes hello && hello | tr a-z A-Z\n")
    try shell.terminal.expect("HELLO, WORLD!", timeout: 120)
    try shell.terminal.expect(OuterShell.prompt(in: node))
    let end = try shell.leave(node, "exit 0")
    #expect(end.shown == ["exit", "ast: node \(node.id): changes kept as generation 2"])
    #expect(end.status == "0")
    #expect(try node.info().packages == packages + 1)
    #expect(try node.shell("hello && dpkg --audit").stdout == "Hello, world!\n")
  }

  @Test func twoTerminalsWorkInTwoNodes() throws {
    let other = try DebianNode()
    let otherShell = try OuterShell(other.store)
    try shell.enter(node)
    try otherShell.enter(other)
    try shell.inside(node, "echo first >/root/note")
    try otherShell.inside(other, "echo second >/root/note")
    #expect(try shell.leave(node, "exit 0").status == "0")
    #expect(try otherShell.inside(other, "cat /root/note") == ["second"])
    #expect(try otherShell.leave(other, "exit 0").status == "0")
    #expect(try [node, other].map { try $0.text(of: "root/note") } == ["first\n", "second\n"])
    try expectNothingLeft()
  }

  @Test func nodeThatIsOpenIsBusyForOthers() throws {
    try shell.enter(node)
    let refused = try node.run(["true"])
    #expect(refused.status == 125)
    let busy = "ast: node \(node.id) is busy: `ast chroot \(node.id)` (pid "
    #expect(refused.stderr.withoutTransactionOfHolder.hasPrefix(busy))
    #expect(try shell.leave(node, "exit 0").status == "0")
    try expectNothingLeft()
  }

  @Test(arguments: [SIGTERM, SIGHUP, SIGINT])
  func signalToAstDiscards(signal: Int32) throws {
    try shell.enter(node)
    // The reaction of the shell does not matter.
    try shell.inside(node, "trap 'exit 0' TERM HUP INT; echo lost >/root/note")
    kill(try node.lastOperation().pid, signal)
    let shown = try shell.returned(after: "")
    // The shell inside may have shown "^C" before it.
    let last = try #require(shown.last)
    #expect(last.hasSuffix("ast: node \(node.id): interrupted by signal \(signal); changes discarded"))
    #expect(try shell.status() == "\(128 + signal)")
    try expectDiscarded("interrupted by signal \(signal)")
    try expectNothingLeft()
  }

  @Test func killedAstLeavesNothingThatTheNextCommandDoesNotClear() throws {
    try shell.enter(node)
    try shell.inside(node, "echo lost >/root/note; setsid sleep 1000 &")
    try node.awaitProcess(named: "sleep")
    let killed = try node.lastOperation()
    #expect(killed.state == "running")
    kill(killed.pid, SIGKILL)
    try shell.returned(after: "")
    // Until then the shell inside may read the input, too.
    try eventually("the end of everything inside") { try node.store.processes(in: node.id).isEmpty }
    let status = try shell.status()
    #expect(status == "137")
    #expect(try node.traces().mounts == before.mounts)
    #expect(try node.traces().staged.count == 1)

    let cleared = try node.store.ast("tmp")
    #expect(cleared.status == 0)
    #expect(cleared.stdout.hasPrefix("Cleaned up after `ast chroot \(node.id)` (t"))
    #expect(try node.info().generation == 1)
    #expect(try node.lastOperation().state == "interrupted")
    #expect(try node.shell("ls /root").stdout == "")
    try expectNothingLeft()
  }

  @Test func nodeOfAKilledAstCanBeWorkedInAtOnce() throws {
    try shell.enter(node)
    try shell.inside(node, "echo lost >/root/note")
    kill(try node.lastOperation().pid, SIGKILL)
    try shell.returned(after: "")
    #expect(try node.shell("ls /root; echo kept >/root/other").status == 0)
    #expect(try node.text(of: "root/other") == "kept\n")
    try eventually("the end of everything inside") { try node.store.processes(in: node.id).isEmpty }
    try expectNothingLeft()
  }
}

/// The terminal goes away while a node is open.
@Suite("hang-up of the terminal", .requiresRoot, .serialized)
struct TerminalHangUpTests {
  let node: DebianNode
  let before: Traces

  init() throws {
    node = try DebianNode()
    before = try node.traces()
  }

  @Test(arguments: ["true", "trap 'exit 0' HUP", "trap '' HUP TERM"])
  func hangUpDiscardsWhateverTheShellReturns(preparation: String) throws {
    let variables = plainEnvironment.merging(["AST_STORE": node.store.root.string]) { $1 }
    let terminal = try PseudoTerminal([AstBinary.path.string, "chroot", "\(node.id)"], environment: variables)
    try terminal.expect(OuterShell.prompt(in: node), timeout: 60)
    try terminal.send("\(preparation)\n")
    try terminal.expect(OuterShell.prompt(in: node))
    try terminal.send("echo lost >/root/note\n")
    try terminal.expect(OuterShell.prompt(in: node))
    terminal.hangUp()
    #expect(try terminal.waitForExit() == 128 + SIGHUP)
    try expectDiscarded()
  }

  @Test func hangUpOfTheShellOutsideDiscards() throws {
    let shell = try OuterShell(node.store)
    try shell.enter(node)
    try shell.inside(node, "echo lost >/root/note")
    shell.terminal.hangUp()
    try shell.terminal.waitForExit()
    try eventually("the end of ast") { try node.lastOperation().state != "running" }
    try eventually("the end of everything inside") { try node.traces() == before }
    try expectDiscarded()
  }

  private func expectDiscarded(sourceLocation: SourceLocation = #_sourceLocation) throws {
    let last = try node.lastOperation()
    #expect(last.state == "failed", sourceLocation: sourceLocation)
    #expect(last.message == "interrupted by signal 1", sourceLocation: sourceLocation)
    #expect(try node.info().generation == 1, sourceLocation: sourceLocation)
    #expect(try node.traces() == before, sourceLocation: sourceLocation)
  }
}
