import Glibc
import SystemPackage
import TestSupport
import Testing

/// `ast run` between other programs: on a terminal, in pipelines, with every way to end.
@Suite("run on a terminal and in pipelines", .requiresRoot, .serialized)
struct RunTerminalTests {
  let node: DebianNode
  let before: Traces

  init() throws {
    node = try DebianNode()
    before = try node.traces()
  }

  @Test(arguments: [0, 1, 3, 127, 255])
  func exitStatusIsTheProgramsOwn(status: Int32) throws {
    let result = try node.shell("exit \(status)")
    #expect(result.status == status)
    let what = status == 0 ? "nothing was changed" : "exit status \(status); changes discarded"
    #expect(result.stderr == "ast: node \(node.id): \(what)\n")
    #expect(try node.traces() == before)
  }

  @Test(arguments: [SIGINT, SIGQUIT, SIGKILL, SIGSEGV, SIGTERM])
  func endByASignalIs128AndItsNumber(signal: Int32) throws {
    let result = try node.shell("echo lost >/root/note; kill -\(signal) $$; sleep 1000")
    #expect(result.status == 128 + signal)
    #expect(result.stderr == "ast: node \(node.id): exit status \(128 + signal); changes discarded\n")
    #expect(try node.traces() == before)
  }

  @Test(arguments: [
    (["no-such-program"], 127, "ast: no-such-program: program not found in the node\n"),
    (["/no/such/program"], 127, "ast: /no/such/program: program not found in the node\n"),
    (["/etc/passwd"], 126, "ast: cannot execute /etc/passwd: Permission denied\n"),
    (["/etc"], 126, "ast: cannot execute /etc: Permission denied\n"),
  ])
  func programThatCannotBeStartedIsToldApart(command: [String], status: Int32, message: String) throws {
    let result = try node.run(command)
    #expect(result.status == status)
    #expect(result.stderr == message)
    #expect(try node.lastOperation().state == "failed")
    #expect(try node.traces() == before)
  }

  @Test(arguments: [["chroot", "4711"], ["run", "4711", "true"], ["run", "0", "true"], ["chroot", "0"]])
  func failureOfAstItselfIs125(arguments: [String]) throws {
    let result = try node.store.ast(arguments)
    #expect(result.status == 125)
    #expect(result.stderr.hasPrefix("ast: "))
    #expect(try node.traces() == before)
  }

  @Test func inputComesFromTheTerminal() throws {
    let shell = try OuterShell(node.store)
    try shell.terminal.send("ast run \(node.id) sh -c 'echo ready-$((1+1)); read x; echo \"got <$x>\"; stty size'\n")
    try shell.terminal.expect("ready-2")
    try shell.terminal.send("some words\n")
    #expect(
      try shell.returned(after: "").suffix(3) == [
        "got <some words>", "24 200", "ast: node \(node.id): nothing was changed",
      ])
    #expect(try shell.status() == "0")
  }

  @Test func inputComesFromAPipe() throws {
    let result = try node.shell("read x; echo \"got <$x>\"; cat", input: "one\ntwo\nthree\n")
    #expect(result.stdout == "got <one>\ntwo\nthree\n")
    #expect(result.status == 0)
  }

  @Test func pipelinesOnATerminalKeepWorking() throws {
    let shell = try OuterShell(node.store)
    #expect(
      try shell.command("printf '3\\n1\\n2\\n' | ast -q run \(node.id) sort | tr '\\n' ' '; echo \"${PIPESTATUS[*]}\"")
        == ["1 2 3 0 0 0"])
    // As with a pager, the end of the pipeline reads the keys.
    let pager = "sh -c 'read a; read b </dev/tty; echo \"$a-$b\"; cat >/dev/null'"
    try shell.terminal.send("ast -q run \(node.id) sh -c 'echo ready >/dev/tty; seq 5' | \(pager)\n")
    try shell.terminal.expect("ready\r\n")
    try shell.terminal.send("typed\n")
    #expect(try shell.returned(after: "typed").last == "1-typed")
    #expect(try shell.status() == "0")
    #expect(try node.traces() == before)
  }

  @Test func readerThatGoesAwayEndsTheRun() throws {
    let shell = try OuterShell(node.store)
    let shown = try shell.command("ast run \(node.id) yes | head -n 1; echo \"${PIPESTATUS[*]}\"")
    #expect(shown == ["y", "ast: node \(node.id): exit status 141; changes discarded", "141 0"])
    #expect(try node.traces() == before)
  }

  @Test func suspendedRunGoesOnInTheForeground() throws {
    let shell = try OuterShell(node.store)
    let settings = try shell.command("stty -g")
    try shell.terminal.send("ast run \(node.id) cat\n")
    try node.awaitProcess(named: "cat")
    try shell.terminal.send("one\n")
    try shell.terminal.expect("one\r\none\r\n")
    try shell.terminal.send("\u{1A}")
    #expect(try shell.returned(after: "").contains { $0.hasPrefix("[1]+  Stopped") })
    #expect(try shell.command("stty -g") == settings)
    #expect(try node.traces().running == 1)
    try shell.terminal.send("fg\n")
    try shell.terminal.expect("ast run \(node.id) cat\r\n")
    try shell.terminal.send("two\n")
    try shell.terminal.expect("two\r\ntwo\r\n")
    try shell.terminal.send("\u{4}")
    #expect(try shell.returned(after: "").last == "ast: node \(node.id): nothing was changed")
    #expect(try shell.status() == "0")
    #expect(try node.traces() == before)
  }

  @Test func hangUpThatIsIgnoredDoesNotDiscard() throws {
    let shell = try OuterShell(node.store)
    let script = "echo kept >/root/note; echo ready-$((1+1)); read line"
    try shell.terminal.send("(trap '' HUP; exec ast run \(node.id) sh -c '\(script)')\n")
    try shell.terminal.expect("ready-2")
    kill(try node.lastOperation().pid, SIGHUP)
    try shell.terminal.send("\n")
    #expect(try shell.returned(after: "").last == "ast: node \(node.id): changes kept as generation 2")
    #expect(try node.text(of: "root/note") == "kept\n")
  }

  @Test func controlCDiscards() throws {
    let shell = try OuterShell(node.store)
    try shell.terminal.send("ast run \(node.id) sh -c 'echo lost >/root/note; exec sleep 1000'\n")
    try node.awaitProcess(named: "sleep")
    try shell.terminal.send("\u{3}")
    try shell.returned(after: "")
    #expect(try shell.status() == "130")
    #expect(try node.info().generation == 1)
    #expect(try node.traces() == before)
  }
}
