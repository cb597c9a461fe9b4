import Glibc
import SystemPackage
import TestSupport
import Testing

/// Calls from the terminal of an administrator.
@Suite("call on a terminal", .requiresRoot, .serialized)
struct CallTerminalTests {
  let open: OpenStore
  let shell: OuterShell

  init() throws {
    open = try OpenStore()
    shell = try OuterShell(open.store)
  }

  private var terminal: PseudoTerminal { shell.terminal }

  @Test func theTerminalInsideIsItsOwn() throws {
    #expect(try shell.command("ast call t3 sh -c 'tty; stty size; exit 9'") == ["/dev/pts/0", "24 200"])
    #expect(try shell.status() == "9")
  }

  @Test func controlCReachesTheProgramOnly() throws {
    try terminal.send("ast call t3 sh -c 'echo ready-$((1+1)); exec sleep 1000'\n")
    try terminal.expect("ready-2")
    try terminal.send("\u{3}")
    try shell.returned(after: "")
    #expect(try shell.status() == "130")
    #expect(try open.call("true").status == 0)
  }

  @Test func aShellInsideHasJobs() throws {
    try terminal.send("ast call t3 bash --norc -i\n")
    try terminal.expect("# ")
    try terminal.send("sleep 1000 &\n")
    try terminal.expect("[1] ")
    try terminal.send("jobs\n")
    try terminal.expect("[1]+  Running")
    try terminal.send("fg\n")
    try terminal.expect("sleep 1000\r\n")
    usleep(300_000)
    try terminal.send("\u{1A}")
    try terminal.expect("[1]+  Stopped")
    terminal.resize(rows: 50, columns: 132)
    try terminal.send("stty size; kill -KILL %1; sleep 0.5; exit 4\n")
    try terminal.expect("50 132")
    try shell.returned(after: "")
    #expect(try shell.status() == "4")
  }

  @Test func aProgramIsSuspendedAndGoesOn() throws {
    let settings = try shell.command("stty -g")
    try terminal.send("ast call t3 cat\n")
    try open.store.awaitProcess(named: "cat", in: 1)
    try terminal.send("one\n")
    try terminal.expect("one\r\none\r\n")
    try terminal.send("\u{1A}")
    #expect(try shell.returned(after: "").contains { $0.hasPrefix("[1]+  Stopped") })
    #expect(try shell.command("stty -g") == settings)
    try terminal.send("fg\n")
    try terminal.expect("ast call t3 cat\r\n")
    usleep(300_000)
    try terminal.send("two\n")
    try terminal.expect("two\r\ntwo\r\n")
    try terminal.send("\u{4}")
    try shell.returned(after: "")
    #expect(try shell.status() == "0")
  }

  @Test func theModesAreBackAfterTheCall() throws {
    let settings = try shell.command("stty -g")
    try shell.command("ast call t3 stty raw -echo")
    #expect(try shell.command("stty -g") == settings)
  }

  @Test func aBackgroundProgramKeepsItsTerminal() throws {
    #expect(
      try shell.command("ast call t3 sh -c '(sleep 1; echo late; echo ok >/root/late) & echo started'") == ["started"])
    try eventually("the end of the program") { try open.call("cat", "/root/late").stdout == "ok\n" }
  }

  @Test func aCallInTheBackgroundGetsTheKeysInTheForeground() throws {
    try shell.command("ast call t3 sh -c 'read x; echo got-$x' &")
    try open.store.awaitProcess(named: "sh", in: 1)
    try shell.command("true")
    try terminal.send("fg\n")
    try terminal.expect("got-$x'\r\n")
    usleep(500_000)
    try terminal.send("word\n")
    try terminal.expect("got-word")
  }

  @Test func aNeighbourInAPipelineKeepsTheKeys() throws {
    try terminal.send(
      "ast call t3 sh -c 'echo line; sleep 1' | sh -c 'read a; echo ready; read b </dev/tty; echo $b-$a'\n")
    try terminal.expect("ready\r\n")
    try terminal.send("typed\n")
    try terminal.expect("typed-line")
  }

  @Test func aHangUpEndsTheProgram() throws {
    try terminal.send(
      "ast call t3 sh -c 'trap \"echo hup >/root/heard; exit\" HUP; echo ready-$((1+1)); sleep 1000 & wait'\n")
    try terminal.expect("ready-2")
    terminal.hangUp()
    try eventually("the hang-up") { try open.call("cat", "/root/heard").stdout == "hup\n" }
    #expect(try open.call("true").status == 0)
  }
}
