import Glibc
import Sandbox
import SystemPackage
import TestSupport
import Testing

@Suite(.requiresRoot) struct RunTests {
  let fixture: Fixture
  init() throws { fixture = try Fixture() }

  @Test(arguments: [
    ("exit 0", ProgramEnd.exited(0)), ("exit 3", .exited(3)), ("exit 255", .exited(255)), ("exit 127", .exited(127)),
    ("kill -KILL $$", .signaled(SIGKILL)), ("kill -TERM $$", .signaled(SIGTERM)), ("kill -SEGV $$", .signaled(SIGSEGV)),
  ])
  func endIsExact(script: String, end: ProgramEnd) throws {
    let result = try fixture.shell(script).result
    #expect(result.end == end)
    #expect(result.interruption == nil)
    #expect(result.skippedBinds.isEmpty)
  }

  @Test(arguments: [
    (["no-such-program"], Int32(127), Errno.noSuchFileOrDirectory),
    (["/no/such/program"], 127, .noSuchFileOrDirectory),
    (["/etc/passwd/program"], 127, .notDirectory),
    (["/etc/passwd"], 126, .permissionDenied),
    (["/etc"], 126, .permissionDenied),
    ([""], 127, .noSuchFileOrDirectory),
    ([], 127, .noSuchFileOrDirectory),
  ])
  func programThatCannotStartIsAnError(command: [String], status: Int32, errno: Errno) throws {
    let error = try #require(throws: SandboxError.self) { try fixture.run(command) }
    #expect(error.step == .execute)
    #expect(error.status == status)
    #expect(error.errno == errno)
    #expect(error.path == command.first.flatMap { $0.isEmpty ? nil : FilePath($0) })
  }

  @Test func errorIsOneSentence() throws {
    let missing = try #require(throws: SandboxError.self) { try fixture.run(["frobnicate"]) }
    #expect(missing.description == "frobnicate: program not found in the node")
    var nowhere = fixture
    nowhere.sandbox.root = "/no/such/root"
    let root = try #require(throws: SandboxError.self) { try nowhere.run(["true"]) }
    #expect(root.description == "cannot make /no/such/root the root: No such file or directory")
    #expect(root.status == nil)
  }

  @Test func environmentIsExactlyTheGivenOne() throws {
    var fixture = fixture
    fixture.sandbox.environment = ["PATH": "/usr/bin", "A": "1=2", "B": ""]
    #expect(try fixture.run(["env"]).stdout == "A=1=2\nB=\nPATH=/usr/bin\n")
  }

  /// systemd reads them as the kernel's command line.
  @Test func theFirstProcessDoesNotShowTheCallersArguments() throws {
    #expect(CommandLine.arguments.count > 1)
    #expect(try fixture.shell("tr -d '\\0' </proc/1/cmdline; echo; cat /proc/1/comm").stdout == "ast-init\nast-init\n")
    let arguments = try runSuccessfully(["cat", "/proc/self/cmdline"])
    #expect(arguments == "cat\0/proc/self/cmdline\0")
  }

  @Test func programIsLookedUpInThePathInside() throws {
    var fixture = fixture
    try fixture.prepare(
      "mkdir -p opt/tools; printf '#!/bin/sh\\necho mine\\n' > opt/tools/env; chmod 755 opt/tools/env")
    fixture.sandbox.environment["PATH"] = "/nowhere:/opt/tools:/usr/bin"
    #expect(try fixture.run(["env"]).stdout == "mine\n")
  }

  @Test func textWithoutInterpreterIsAShellScript() throws {
    try fixture.prepare("printf 'echo \"$0 $1\"\\n' > opt/script; chmod 755 opt/script")
    #expect(try fixture.run(["/opt/script", "word"]).stdout == "/opt/script word\n")
  }

  @Test func workingDirectoryIsTheGivenOne() throws {
    var fixture = fixture
    fixture.sandbox.workingDirectory = "/usr/share"
    #expect(try fixture.run(["pwd"]).stdout == "/usr/share\n")
    fixture.sandbox.workingDirectory = "/missing"
    let error = try #require(throws: SandboxError.self) { try fixture.run(["pwd"]) }
    #expect(error.step == .enterWorkingDirectory)
    #expect(error.path == "/missing")
  }

  @Test func streamsAreTheGivenOnes() throws {
    let outcome = try fixture.shell("cat; echo problem >&2", input: "line 1\nline 2\n")
    #expect(outcome.stdout == "line 1\nline 2\n")
    #expect(outcome.stderr == "problem\n")
  }

  @Test func inputMayBeAPipe() throws {
    let pipe = try FileDescriptor.pipe()
    defer { try? pipe.readEnd.close() }
    try pipe.writeEnd.writeAll("hello".utf8)
    try pipe.writeEnd.close()
    let null = try FileDescriptor.open("/dev/null", .writeOnly)
    defer { try? null.close() }
    let result = try fixture.sandbox.run(
      ["sh", "-c", "test \"$(cat)\" = hello"], on: .given(input: pipe.readEnd, output: null, error: null))
    #expect(result.end == .exited(0))
  }

  @Test func directoryAsStreamIsRefused() throws {
    let directory = try FileDescriptor.open("/", .readOnly)
    defer { try? directory.close() }
    let error = try #require(throws: SandboxError.self) {
      try fixture.sandbox.run(["true"], on: .given(input: directory, output: directory, error: directory))
    }
    #expect(error.step == .takeStreams)
    #expect(error.errno == .isDirectory)
  }

  @Test func programStartsWithACleanState() throws {
    let script = """
      umask; while read -r name set; do case $name in Sig[PBI]*) echo "$name$set";; esac; done < /proc/self/status
      ls /proc/self/fd | tr '\\n' ' '
      """
    let zero = "0000000000000000"
    // As a shell passes them on: ignored by nohup(1) or for a background job.
    let ignored = [SIGHUP, SIGINT, SIGQUIT].filter { signal in
      var action = sigaction()
      sigaction(signal, nil, &action)
      return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == 1  // SIG_IGN
    }
    let mask = String(ignored.reduce(0) { $0 | 1 << ($1 - 1) })
    let stdout = try fixture.shell(script).stdout
    #expect(
      stdout
        == "0022\nSigPnd:\(zero)\nSigBlk:\(zero)\nSigIgn:\(zero.dropLast(mask.count))\(mask)\n0 1 2 3 ")
  }

  @Test func systemDirectoriesAreOurs() throws {
    let script = """
      test -f /run/ast/sandbox && ls /dev | tr '\\n' ' ' && stat -c '%n %a' /run /tmp /dev/shm /dev/pts/ptmx
      echo text > /dev/null && echo text > /dev/shm/file && head -c 4 /dev/zero | wc -c && readlink /dev/ptmx
      ! echo x > /dev/full
      """
    let outcome = try fixture.shell(script)
    #expect(
      outcome.stdout == """
        fd full null ptmx pts random shm stderr stdin stdout tty urandom zero \
        /run 755
        /tmp 1777
        /dev/shm 1777
        /dev/pts/ptmx 666
        4
        pts/ptmx

        """)
    #expect(outcome.status == 0)
  }

  @Test func newTerminalsCanBeMadeInside() throws {
    #expect(try fixture.run(["script", "-qec", "tty", "/dev/null"]).stdout == "/dev/pts/0\r\n")
  }

  @Test func isolatedNetworkHasOnlyTheLoopback() throws {
    var fixture = fixture
    fixture.sandbox.network = .isolated
    #expect(try fixture.shell("ls /sys/class/net; cat /sys/class/net/lo/operstate").stdout == "lo\nunknown\n")
  }

  @Test func runWithoutEffectLeavesTheRootUnchanged() throws {
    let listing = try fixture.listing()
    let changes = try fixture.changeCount()
    let outcome = try fixture.shell("cat /etc/passwd /bin/sh > /dev/null")
    #expect(outcome.result.placeholders.isEmpty)
    #expect(try fixture.changeCount() == changes)
    #expect(try fixture.listing() == listing)
  }

  @Test func changesAreMadeInTheRoot() throws {
    #expect(try fixture.shell("echo changed > /etc/motd").status == 0)
    #expect(try runSuccessfully(["cat", fixture.root.appending("etc/motd").string]) == "changed\n")
  }

  @Test func setUserIDProgramsWork() throws {
    try fixture.prepare("cp usr/bin/id usr/bin/su-id; chmod 4755 usr/bin/su-id")
    #expect(try fixture.shell("setpriv --reuid 65534 --clear-groups su-id -u").stdout == "0\n")
  }
}
