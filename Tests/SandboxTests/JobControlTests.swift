import Glibc
import Sandbox
import SystemPackage
import TestSupport
import Testing

/// A shell inside, and programs inside as jobs of a shell outside.
///
/// The stopped program that starts commands is bash: dash starts them by vfork(2), and a stop between that and the
/// execve(2) of the child leaves dash itself unstoppable, with or without a sandbox.
@Suite(.requiresRoot) struct JobControlTests {
  let fixture: Fixture
  init() throws { fixture = try Fixture() }

  /// A shell inside a shell outside.
  private func innerShell() throws -> PseudoTerminal {
    let terminal = try Driver.outerShell(fixture)
    let greeting = try terminal.type("$D bash --norc --noprofile -i", expecting: "INSIDE> ")
    #expect(!greeting.contains("no job control"))
    return terminal
  }

  @Test func shellInsideHasJobs() throws {
    let terminal = try innerShell()
    try terminal.type("sleep 3000 &", expecting: "[1] ")
    try terminal.type("sh -c 'echo started; exec sleep 3001'", expecting: "started\r\n")
    try terminal.press(.controlZ)
    try terminal.expect("[2]+  Stopped")
    try terminal.expect("INSIDE> ")
    try terminal.type("jobs", expecting: "[1]-  Running")
    try terminal.expect("[2]+  Stopped")
    try terminal.type("bg", expecting: "[2]+ sh")
    try terminal.type("jobs", expecting: "[2]+  Running")
    try terminal.type("fg %1", expecting: "sleep 3000\r\n")
    try terminal.press(.controlC, until: "INSIDE> ")
    try terminal.type("echo status=$?", expecting: "status=130")
    try terminal.type("fg", expecting: "exec sleep 3001'\r\n")
    try terminal.press(.controlBackslash, until: "INSIDE> ")
    try terminal.type("echo status=$?", expecting: "status=131")
    try terminal.type("exit 0", expecting: "OUTER> ")
  }

  @Test func pipelineInsideIsInterruptedAsAWhole() throws {
    let terminal = try innerShell()
    try terminal.type("sh -c 'echo started >&2; exec sleep 3000' | cat", expecting: "started\r\n")
    try terminal.press(.controlC)
    try terminal.type("echo status=${PIPESTATUS[*]}", expecting: "status=130 130")
  }

  @Test func exitStatusAndTerminalComeBack() throws {
    let terminal = try innerShell()
    try terminal.type("stty -echo -icanon; exit 3", expecting: "OUTER> ")
    try terminal.type("echo status=$?", expecting: "status=3")
    try terminal.type("stty -a", expecting: " icanon ")
    try terminal.expect(" echo ")
    try terminal.expect("OUTER> ")
    try terminal.type("sh -c 'echo started; exec cat'", expecting: "started\r\n")
    try terminal.type("typed", expecting: "typed\r\ntyped\r\n")
    try terminal.press(.controlD)
    try terminal.expect("OUTER> ")
  }

  @Test func windowSizeIsSeenInside() throws {
    let terminal = try innerShell()
    terminal.resize(rows: 50, columns: 132)
    try terminal.type("stty size", expecting: "50 132\r\n")
    try terminal.type(
      "sh -c 'trap \"echo changed\" WINCH; echo started; while :; do sleep 0.1; done'", expecting: "started\r\n")
    terminal.resize(rows: 40, columns: 100)
    try terminal.expect("changed\r\n")
    try terminal.press(.controlC)
    try terminal.expect("INSIDE> ")
  }

  @Test func terminalHasAName() throws {
    let terminal = try innerShell()
    try terminal.type("tty && echo status=$?", expecting: "/dev/")
    try terminal.expect("status=0")
    try terminal.type(
      "test \"$(stat -Lc %t:%T \"$(tty)\")\" = \"$(stat -Lc %t:%T /dev/stdin)\" && echo same-$?", expecting: "same-0")
    try terminal.type("chmod 0 /dev/console; echo status=$?", expecting: "status=1")
  }

  @Test func programIsSuspendedToTheShellOutside() throws {
    let terminal = try Driver.outerShell(fixture)
    let loop = "while :; do read x; case $x in quit) exit 6;; ?*) echo got-$x;; esac; x=; done"
    try terminal.type(
      "$D sh -c 'stty -echo; trap \"echo resumed\" CONT; echo started; \(loop)'", expecting: "started\r\n")
    try terminal.press(.controlZ)
    try terminal.expect("Stopped")
    try terminal.expect("OUTER> ")
    try terminal.type("stty -a", expecting: " echo ")
    try terminal.expect("OUTER> ")
    try terminal.type("fg", expecting: "resumed\r\n")
    // Its own settings are back: what is typed is not echoed.
    #expect(try terminal.type("word", expecting: "got-word\r\n") == "")
    try terminal.type("quit", expecting: "OUTER> ")
    try terminal.type("echo status=$?", expecting: "status=6")
    try terminal.expect("OUTER> ")
    try terminal.type("stty -a", expecting: " echo ")
  }

  @Test func suspendedProgramGoesOnInTheBackground() throws {
    let terminal = try Driver.outerShell(fixture)
    try terminal.type("$D bash -c 'echo started; sleep 1; echo done; exit 4'", expecting: "started\r\n")
    try terminal.press(.controlZ)
    try terminal.expect("Stopped")
    try terminal.expect("OUTER> ")
    try terminal.type("bg", expecting: "OUTER> ")
    // The terminal stays with the shell.
    try terminal.type("echo shell-${#D}", expecting: "shell-")
    try terminal.expect("done\r\n")
    try terminal.type("wait %1; echo status=$?", expecting: "status=4")
  }

  @Test func programStartedInTheBackgroundStopsToRead() throws {
    let terminal = try Driver.outerShell(fixture)
    try terminal.type("$D sh -c 'read line; echo got-$line' &", expecting: "OUTER> ")
    #expect(try eventually { try terminal.type("jobs", expecting: "OUTER> ").contains("Stopped") })
    try terminal.type("fg", expecting: "got-$line'\r\n")
    try terminal.type("word", expecting: "got-word\r\n")
    try terminal.expect("OUTER> ")
    try terminal.type("stty -a", expecting: " icanon ")
  }

  @Test func controlCReachesTheProgramOnly() throws {
    let terminal = try Driver.outerShell(fixture)
    try terminal.type("$D sh -c 'echo started; exec sleep 3000'", expecting: "started\r\n")
    try terminal.press(.controlC)
    let rest = try terminal.expect("OUTER> ")
    #expect(!rest.contains("interrupted"))
    try terminal.type("echo status=$?", expecting: "status=130")
  }

  @Test func neighboursInAPipelineKeepTheKeys() throws {
    let terminal = try Driver.outerShell(fixture)
    try terminal.type(
      "$D sh -c 'echo line; exec sleep 1' | sh -c 'read line; echo ready; read key </dev/tty; echo key-$key-$line'",
      expecting: "ready\r\n")
    try terminal.type("x", expecting: "key-x-line\r\n")
  }

  @Test func controlCInAPipelineArrivesOnceAndInterrupts() throws {
    let terminal = try Driver.outerShell(fixture)
    let count =
      "trap : HUP; n=0; trap \"n=\\$((n+1))\" INT; echo started >&2; sleep 0.3; sleep 0.2; echo count-$n >&2; exit 0"
    try terminal.type("$D sh -c '\(count)' | cat", expecting: "started\r\n")
    try terminal.press(.controlC)
    try terminal.expect("count-1\r\n")
    try terminal.expect("interrupted by 2\r\n")
  }

  @Test func stopInAPipelineStopsTheJob() throws {
    let terminal = try Driver.outerShell(fixture)
    try terminal.type("$D bash -c 'echo started >&2; sleep 1; echo end >&2' | cat", expecting: "started\r\n")
    try terminal.press(.controlZ)
    try terminal.expect("Stopped")
    try terminal.expect("OUTER> ")
    try terminal.type("fg", expecting: "end\r\n")
    try terminal.expect("OUTER> ")
  }

  /// With TCXONC the output would stop for good, TIOCEXCL would keep other users from opening the terminal.
  @Test(arguments: ["", "| cat"]) func terminalGoesOnAfterAHostileProgram(neighbour: String) throws {
    let terminal = try Driver.outerShell(fixture)
    try terminal.type(
      "$D perl -e 'ioctl(STDIN, 0x540C, 0); ioctl(STDIN, 0x540A, 0); exit 3' \(neighbour)", expecting: "OUTER> ")
    try terminal.type("echo shell-${#D}", expecting: "shell-")
    try terminal.expect("OUTER> ")
    try terminal.type(
      "perl -e 'ioctl(STDIN, 0x80045440, $b = pack(q(i), 7)); print q(own-), unpack(q(i), $b)'", expecting: "own-0")
  }

  @Test(arguments: ["", "| cat"]) func programLeftRunningReadsNoKeys(neighbour: String) throws {
    let terminal = try Driver.outerShell(fixture)
    let duration = uniqueDuration()
    let reader = "trap : TTIN HUP; while :; do read key </dev/tty; done; sleep \(duration)"
    try terminal.type(
      "$D bash -c 'setsid bash -c \"\(reader)\" x \(duration) & (\(reader)) & sleep 0.3' \(neighbour)",
      expecting: "OUTER> ")
    for number in 1...5 { try terminal.type("echo key-$((\(number) + 10))", expecting: "key-\(number + 10)\r\n") }
    #expect(try processes(withArgument: duration).isEmpty)
  }

  /// ssh(1) runs a command like this: there is no shell to resume it.
  @Test func sessionLeaderIsNotSuspended() throws {
    let terminal = try Driver.terminal(fixture, ["sh", "-c", "echo started; exec cat"])
    try terminal.expect("started\r\n")
    try terminal.press(.controlZ)
    try terminal.type("word", expecting: "word\r\nword\r\n")
    try terminal.press(.controlD)
    #expect(try terminal.waitForExit() == 0)
  }
}
