import Glibc
import Sandbox
import SystemPackage
import TestSupport
import Testing

@Suite(.requiresRoot) struct InterruptionTests {
  let fixture: Fixture
  let report: FilePath

  init() throws {
    fixture = try Fixture()
    report = fixture.directory.appending("report")
  }

  private func terminal(_ command: [String]) throws -> PseudoTerminal {
    try Driver.terminal(fixture, command, options: ["--report", report.string])
  }

  private func shell(_ script: String) throws -> PseudoTerminal {
    let terminal = try terminal(["sh", "-c", script])
    try terminal.expect("started")
    return terminal
  }

  private func reported() throws -> String { try runSuccessfully(["cat", report.string]) }

  @Test(arguments: [SIGTERM, SIGHUP, SIGINT])
  func signalEndsAShellThatIgnoresIt(signal: Int32) throws {
    let terminal = try terminal(["bash", "--norc", "-i"])
    try terminal.expect("INSIDE> ")
    let start = ContinuousClock.now
    kill(terminal.process, signal)
    try terminal.waitForExit()
    #expect(ContinuousClock.now - start < .milliseconds(2900))
    #expect(try reported() == "driver: interrupted by \(signal)\n")
  }

  @Test(arguments: [(SIGTERM, "TERM"), (SIGINT, "INT"), (SIGHUP, "HUP")])
  func programGetsTheSignalAndItsStatusIsKept(signal: Int32, name: String) throws {
    let terminal = try shell("trap 'exit 9' \(name); echo started; while :; do sleep 0.05; done")
    kill(terminal.process, signal)
    #expect(try terminal.waitForExit() == 9)
    #expect(try reported() == "driver: interrupted by \(signal)\n")
  }

  @Test func stubbornProgramIsKilledAfterThreeSeconds() throws {
    let terminal = try shell("trap '' TERM HUP INT; echo started; while :; do sleep 0.05; done")
    let start = ContinuousClock.now
    kill(terminal.process, SIGTERM)
    #expect(try terminal.waitForExit() == 128 + SIGKILL)
    #expect((.seconds(2.9) ... .seconds(8)).contains(ContinuousClock.now - start))
    #expect(try reported() == "driver: interrupted by 15\n")
  }

  @Test func secondSignalKillsAtOnce() throws {
    let terminal = try shell("trap 'echo trapped' TERM; trap '' HUP; echo started; while :; do sleep 0.05; done")
    let start = ContinuousClock.now
    kill(terminal.process, SIGTERM)
    try terminal.expect("trapped")
    kill(terminal.process, SIGINT)
    #expect(try terminal.waitForExit() == 128 + SIGKILL)
    #expect(ContinuousClock.now - start < .seconds(2.8))
    #expect(try reported() == "driver: interrupted by 15\n")
  }

  @Test func stoppedProgramIsEnded() throws {
    let terminal = try shell("echo started; kill -STOP $$; echo resumed")
    usleep(200_000)
    kill(terminal.process, SIGTERM)
    try terminal.waitForExit()
  }

  @Test(arguments: [(SIGUSR1, "USR1"), (SIGUSR2, "USR2"), (SIGQUIT, "QUIT"), (SIGWINCH, "WINCH")])
  func otherSignalsArePassedOnWithoutInterruption(signal: Int32, name: String) throws {
    let terminal = try shell("trap 'exit 5' \(name); echo started; while :; do sleep 0.05; done")
    kill(terminal.process, signal)
    #expect(try terminal.waitForExit() == 5)
    #expect(try reported() == "")
  }

  @Test func endIsExactWhenSignalsComeTooLate() throws {
    let duration = uniqueDuration()
    // The driver is going to be stopped, and shall have no SIGCONT to pass on.
    let command = [Driver.path, "--report", report.string, fixture.root.string, "sh", "-c", "exec sleep \(duration)"]
    let terminal = try PseudoTerminal(["perl", "-e", "$SIG{CONT} = 'IGNORE'; exec @ARGV"] + command)
    #expect(try eventually { try !processes(withArgument: duration).isEmpty })
    let program = try #require(pid_t(processes(withArgument: duration)[0]))
    let parent = try runSuccessfully([
      "sh", "-c", "while read -r n v; do [ $n != PPid: ] || echo $v; done < /proc/\(program)/status",
    ])
    let initProcess = try #require(pid_t(parent.dropLast()))
    // Init finds several orders and the program's end at once, leaves without reading all orders, and is gone before the driver looks.
    kill(initProcess, SIGSTOP)
    kill(program, SIGKILL)
    for signal in [SIGUSR1, SIGUSR2, SIGWINCH] {
      kill(terminal.process, signal)
      usleep(100_000)
    }
    kill(terminal.process, SIGSTOP)
    kill(initProcess, SIGCONT)
    #expect(try eventually { try runSuccessfully(["cat", "/proc/\(initProcess)/stat"]).contains(") Z ") })
    kill(terminal.process, SIGCONT)
    #expect(try terminal.waitForExit() == 128 + SIGKILL)
    #expect(try reported() == "")
  }

  @Test func hangUpInterruptsAShell() throws {
    let terminal = try terminal(["bash", "--norc", "-i"])
    try terminal.expect("INSIDE> ")
    terminal.hangUp()
    try terminal.waitForExit()
    #expect(try reported() == "driver: interrupted by 1\n")
  }

  @Test func hangUpWithoutASignalInterrupts() throws {
    // The session leader ignores SIGHUP, and the kernel signals only the foreground group, which is the program's: it ignores it too.
    let leader = """
      use POSIX; $SIG{HUP} = $SIG{TTOU} = 'IGNORE'; if (!fork) { setpgrp; tcsetpgrp(0, $$); $SIG{HUP} = $SIG{TTOU} = 'DEFAULT';
      exec @ARGV } wait; exit 0
      """
    let command = [Driver.path, "--report", report.string, fixture.root.string]
    let script = "trap '' HUP; echo started; while :; do sleep 0.05; done"
    let terminal = try PseudoTerminal(["perl", "-e", leader] + command + ["sh", "-c", script])
    try terminal.expect("started")
    terminal.hangUp()
    try terminal.waitForExit()
    #expect(try reported() == "driver: interrupted by 1\n")
  }

  @Test func signalPendingAtTheStartPreventsIt() throws {
    let terminal = try Driver.terminal(
      fixture, ["touch", "/started"], options: ["--report", report.string, "--signals-blocked"])
    try terminal.expect("blocked")
    kill(terminal.process, SIGTERM)
    #expect(try terminal.waitForExit() == 128 + SIGTERM)
    #expect(try reported() == "driver: interrupted by 15\n")
    #expect(access(fixture.root.appending("started").string, F_OK) != 0)
  }

  @Test func killedCallerLeavesNothingBehind() throws {
    let mounts = try runSuccessfully(["cat", "/proc/self/mountinfo"])
    let duration = uniqueDuration()
    let terminal = try shell("setsid sleep \(duration) & trap '' HUP; echo started; sleep \(duration)")
    #expect(try eventually { try processes(withArgument: duration).count == 2 })
    kill(terminal.process, SIGKILL)
    try terminal.waitForExit()
    #expect(try eventually { try processes(withArgument: duration).isEmpty })
    #expect(try runSuccessfully(["cat", "/proc/self/mountinfo"]) == mounts)
  }
}
