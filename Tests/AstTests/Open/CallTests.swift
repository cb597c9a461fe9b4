import FoundationEssentials
import Glibc
import SystemPackage
import TestSupport
import Testing

/// What a program meets that is called in an open transaction.
@Suite("call", .requiresRoot)
struct CallTests {
  @Test(arguments: [0, 1, 7, 127, 255])
  func exitStatusIsTheProgramsOwn(status: Int32) throws {
    let open = try OpenStore()
    let result = try open.shell("echo out; echo err >&2; exit \(status)")
    #expect(result.status == status && result.stdout == "out\n" && result.stderr == "err\n")
    #expect(try open.shell("kill -TERM $$").status == 128 + SIGTERM)
    let missing = try open.call("no-such-program")
    #expect(missing.status == 127 && missing.stderr == "ast: no-such-program: program not found in the node\n")
    #expect(try open.call("/etc/passwd").status == 126)
  }

  @Test func nothingOfTheCallerComesIn() throws {
    let open = try OpenStore()
    let result = try run(
      [
        "sh", "-c",
        "umask 077; cd /usr; exec 7</etc/passwd; ulimit -n 333; trap '' INT HUP QUIT; exec $0 call t3 sh -c \"$1\"",
        AstBinary.path.string, "ls /proc/self/fd; umask; pwd; ulimit -n; cat /proc/self/status",
      ],
      environment: plainEnvironment.merging(open.store.variables) { $1 })
    let lines = result.stdout.lines
    // The fourth is the directory that ls reads.
    #expect(lines.prefix(4) == ["0", "1", "2", "3"])
    #expect(lines[4] == "0022" && lines[5] == "/" && lines[6] != "333")
    #expect(lines.contains("SigIgn:\t0000000000000000") && lines.contains("SigBlk:\t0000000000000000"))
  }

  @Test func whatTheOpeningCommandIgnoresIsNotIgnoredInside() throws {
    let store = try TestStore()
    try store.ast("clone", "0").expectSuccess()
    try runSuccessfully(
      ["sh", "-c", "trap '' INT HUP QUIT TERM; exec 9</etc/passwd; $0 open 1", AstBinary.path.string],
      environment: plainEnvironment.merging(store.variables) { $1 })
    let result = try store.ast("call", "t3", "sh", "-c", "cat /proc/self/status; ls /proc/self/fd")
    #expect(result.stdout.contains("SigIgn:\t0000000000000000\n"))
    #expect(result.stdout.lines.suffix(4) == ["0", "1", "2", "3"])
    let names = try store.ast(
      "call", "t3", "sh", "-c", "cat /proc/1/cmdline /proc/1/comm /run/ast/transaction; ls /run/ast")
    #expect(!names.stdout.contains("/"), "\(names)")
    #expect(names.stdout.contains("t3\n") && !names.stdout.contains("open"))
    try store.ast("abort", "t3").expectSuccess()
  }

  @Test func environmentIsThatOfRunAndOfTheCall() throws {
    let open = try OpenStore(environment: ["SECRET": "x", "http_proxy": "http://opener", "TERM": "opener"])
    let result = try open.call(
      "--env", "A=b c", "--env=D=", "sh", "-c", "echo \"$A,$D,$SECRET,$http_proxy,$TERM,$AST_NODE,$HOME\"",
      environment: ["https_proxy": "http://caller", "TERM": "caller"])
    #expect(result.stdout == "b c,,,,caller,1,/root\n", "\(result)")
    #expect(try open.call("--", "sh", "-c", "echo $TERM").stdout == "dumb\n")
    #expect(try open.store.ast("call", "t3", "--env", "x", "true").status == 2)
  }

  @Test func longArgumentsArrive() throws {
    let open = try OpenStore()
    let word = String(repeating: "x", count: 1023)
    let words = Array(repeating: word, count: 1024)
    let result = try open.store.ast(["call", "t3", "sh", "-c", "echo $# ${#1}", "sh"] + words)
    #expect(result.stdout == "1024 1023\n")
  }

  @Test func callsAtOnceAreApart() throws {
    let open = try OpenStore()
    let calls = try (0..<64).map {
      try open.store.start(["call", "t3", "sh", "-c", "read x; sleep 5; echo $x"], input: "\($0)\n")
    }
    try eventually("64 calls") { try open.store.processes(in: 1).count { $0.hasSuffix(" sleep") } == 64 }
    let more = try open.call("true")
    #expect(more.status == 125 && more.stderr.hasPrefix("ast: 64 calls run in t3, and there may be 64"), "\(more)")
    let close = try open.store.ast("close", "t3")
    #expect(close.status == 4 && close.stderr.hasPrefix("ast: a call runs in t3; nothing was changed\n"))
    for (number, call) in calls.enumerated() { #expect(try call.wait().stdout == "\(number)\n") }
    #expect(try open.call("true").status == 0)
  }

  @Test func whatACallLeavesRunningLivesUntilClose() throws {
    let open = try OpenStore()
    let started = ContinuousClock.now
    #expect(try open.shell("(while :; do echo more; sleep 0.01; done) & echo done").stdout.hasPrefix("done\n"))
    #expect(ContinuousClock.now - started < .seconds(10))
    usleep(1_500_000)
    #expect(try open.store.processes(in: 1).contains { $0.hasSuffix(" sh") })
    #expect(try open.store.ast("close", "t3").status == 0)
    #expect(try open.store.processes(in: 1) == [])
  }

  @Test func aKilledCallEndsItsProgramOnly() throws {
    let open = try OpenStore()
    let other = try open.start("sleep 2; echo other")
    let call = try open.start("trap 'echo hup >/root/heard; exit' HUP; echo >/root/ready; while :; do sleep 0.1; done")
    try eventually("the start") { try open.call("ls", "/root/ready").status == 0 }
    call.send(SIGKILL)
    try eventually("the hang-up") { try open.call("cat", "/root/heard").stdout == "hup\n" }
    #expect(try other.wait().stdout == "other\n")
  }

  @Test func aSignalReachesTheProgram() throws {
    let open = try OpenStore()
    let call = try open.start("trap 'echo term; exit 5' TERM; echo >/root/ready; while :; do sleep 0.1; done")
    try eventually("the start") { try open.call("ls", "/root/ready").status == 0 }
    call.send(SIGTERM)
    let end = try call.wait()
    #expect(end.status == 5 && end.stdout == "term\n")
  }

  @Test func aReaderThatGoesAwayEndsTheProgram() throws {
    let open = try OpenStore()
    let result = try run(
      [
        "bash", "-c", "$0 call t3 sh -c 'while echo y; do :; done' | head -n 1; echo ${PIPESTATUS[*]}",
        AstBinary.path.string,
      ],
      environment: plainEnvironment.merging(open.store.variables) { $1 })
    #expect(result.stdout.lines.first == "y" && result.stdout.lines.last != "0 0", "\(result)")
    try eventually("the end of the program") { try open.store.processes(in: 1).count <= 1 }
  }

  @Test func inputAndOutputPassAsTheyAre() throws {
    let open = try OpenStore()
    let text = (0..<200_000).map { "line \($0)\n" }.joined()
    #expect(try open.call("cat", input: text).stdout == text)
    #expect(try open.call("head", "-n", "1", input: text).stdout == "line 0\n")
  }

  /// The attendant copies nothing, so its memory stays.
  @Test func aSlowReaderCostsNoMemory() throws {
    let open = try OpenStore()
    #expect(try open.call("true").status == 0)
    let before = try residentKilobytes(of: open.attendant)
    let result = try run(
      [
        "sh", "-c", "$0 call t3 dd if=/dev/zero bs=1M count=128 2>/dev/null | { sleep 1; wc -c; }",
        AstBinary.path.string,
      ],
      environment: plainEnvironment.merging(open.store.variables) { $1 })
    #expect(result.stdout == "134217728\n")
    #expect(try residentKilobytes(of: open.attendant) < before + 4096)
  }

  private func residentKilobytes(of pid: pid_t) throws -> Int {
    let status = try runSuccessfully(["cat", "/proc/\(pid)/status"])
    let line = status.lines.first { $0.hasPrefix("VmRSS:") } ?? ""
    return Int(line.split(separator: " ").dropLast().last ?? "") ?? 0
  }
}
