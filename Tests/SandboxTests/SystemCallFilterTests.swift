import Glibc
import Sandbox
import TestSupport
import Testing

#if arch(x86_64)
  /// The system calls are made by number from perl, which every Debian has.
  @Suite(.requiresRoot) struct SystemCallFilterTests {
    let fixture: Fixture
    init() throws { fixture = try Fixture() }

    private static let tiocsti = 0x5412

    /// The result of the call and errno; `$b` is a buffer.
    private func call(_ arguments: String, in fixture: Fixture? = nil) throws -> String {
      try (fixture ?? self.fixture).perl("$b = 'x' x 64; $! = 0; print syscall(\(arguments)), ' ', $!+0").stdout
    }

    @Test(arguments: [
      ("fsync", "74, 99"), ("fdatasync", "75, 99"), ("syncfs", "306, 99"), ("sync_file_range", "277, 99, 0, 0, 0"),
      ("msync", "26, 1, 1, 0"),
    ])
    func syncSucceedsWithoutBeingDone(name: String, arguments: String) throws {
      #expect(try call(arguments) == "0 0", "\(name)")
      var fixture = fixture
      fixture.sandbox.suppressesSync = false
      #expect(try call(arguments, in: fixture).hasPrefix("-1 "), "\(name)")
    }

    @Test func keyringsOfRootAreOutOfReach() throws {
      #expect(try call("250, 0, -4, 0") == "-1 \(ENOSYS)")
      #expect(try call("248, $b, $b, $b, 1, -4") == "-1 \(ENOSYS)")
    }

    /// clone(2), unshare(2), io_uring_setup(2), clone3(2), modify_ldt(2), personality(2), and socket(2) of the kinds that
    /// a network namespace does not hold.
    @Test(arguments: [
      ("56, 0x10000011, 0", "-1 \(EPERM)"), ("272, 0x10000000", "-1 \(EPERM)"), ("272, 0x10020000", "-1 \(EPERM)"),
      ("425, 1, $b", "-1 \(ENOSYS)"), ("426, 0", "-1 \(ENOSYS)"), ("427, 0", "-1 \(ENOSYS)"),
      ("435, $b, 64", "-1 \(ENOSYS)"), ("154, 0, $b, 64", "-1 \(ENOSYS)"), ("135, 0x40000", "-1 \(EPERM)"),
      ("135, 0xffffffff", "0 0"), ("135, 8", "0 0"), ("135, 0", "8 0"), ("41, 40, 1, 0", "-1 \(EAFNOSUPPORT)"),
      ("41, 16, 3, 9", "-1 \(EPROTONOSUPPORT)"),
    ])
    func whatHasNoUseInANodeIsRefused(arguments: String, result: String) throws {
      // The second personality finds the first one.
      let prelude = arguments == "135, 0" ? "syscall(135, 8); " : ""
      let script = "\(prelude)$b = 'x' x 64; $! = 0; print syscall(\(arguments)), ' ', $!+0"
      #expect(try fixture.perl(script).stdout == result)
    }

    /// A process can still be made, and a socket of the usual kinds.
    @Test func whatProgramsNeedIsAllowed() throws {
      #expect(try fixture.shell("sh -c true & wait; echo done").stdout == "done\n")
      #expect(
        try fixture.perl("$! = 0; print syscall(41, $_, 2, 0) > 2 ? 'socket ' : $!+0 for 1, 2, 16").stdout
          == "socket socket socket ")
    }

    @Test func theProcessorsAndTheMemoryBelongToTheMachine() throws {
      // sched_setscheduler(2) with SCHED_FIFO, setpriority(2), mlock(2) of 1 MiB and of 16 KiB.
      #expect(try call("144, 0, 1, $p = pack('i', 1)") == "-1 \(EPERM)")
      #expect(try call("141, 0, 0, -5") == "-1 \(EACCES)")
      #expect(
        try fixture.perl("$b = 'x' x (1 << 20); $! = 0; print syscall(149, $b, 1 << 20), ' ', $!+0").stdout
          == "-1 \(ENOMEM)")
      #expect(
        try fixture.perl("$b = 'x' x (1 << 20); $! = 0; print syscall(149, $b, 1 << 14), ' ', $!+0").stdout == "0 0")
    }

    @Test func theFirmwareIsTheHosts() throws {
      #expect(
        try fixture.shell("ls -A /sys/firmware | wc -l; touch /sys/firmware/x 2>/dev/null || echo refused").stdout
          == "0\nrefused\n")
    }

    @Test(arguments: [tiocsti, 0x541C, 0x5423, 1 << 32 | tiocsti])
    func typingIntoTheTerminalIsRefused(request: Int) throws {
      #expect(try call("16, 0, \(request), $b") == "-1 \(EPERM)")
    }

    /// The terminal for one program alone, its output stopped, settings and wires of a serial line, and what
    /// ioctl_console(2) has: picture, keyboard, switching.
    @Test(arguments: [
      0x540C, 0x540A, 0x541F, 0x542F, 0xC028_5443, 0x5418, 0x5416, 0x5417, 0x5427, 0x4B3A, 0x4B45, 0x4BFF, 0x5602,
      0x5606,
    ])
    func whatWouldStayOnTheTerminalIsRefused(request: Int) throws {
      #expect(try call("16, 0, \(request), $b") == "-1 \(EPERM)")
    }

    @Test func subvolumesCannotBeMade() throws {
      let request = 0x5000_940E  // BTRFS_IOC_SUBVOL_CREATE
      let create = "open(D, '<', '.'); $b = pack('qZ4088', 0, 'nested'); print ioctl(D, \(request), $b) ? 'made' : $!+0"
      #expect(try runSuccessfully(["perl", "-e", create], in: fixture.directory) == "made")
      #expect(try fixture.perl(create).stdout == "\(ENOTTY)")
    }

    @Test func callsOf32BitProgramsAreFiltered() throws {
      // A program of 64 bits that makes the ioctl call of 32-bit programs: mov eax,54; xor ebx,ebx; mov ecx,TIOCSTI;
      // mov edx,0x400000; int 0x80; and exits with the error number: neg eax; mov ebx,eax; mov eax,1; int 0x80.
      let code = "b83600000031dbb912540000ba00004000cd80f7d889c3b801000000cd80"
      let write = """
        $code = pack('H*', '\(code)'); $size = 120 + length $code;
        print pack('H32 SSLQQQLSSSSSS', '7f454c46020101', 2, 62, 1, 0x400078, 64, 0, 0, 64, 56, 1, 64, 0, 0),
          pack('LLQQQQQQ', 1, 5, 0, 0x400000, 0x400000, $size, $size, 4096), $code
        """
      #expect(
        try fixture.shell(
          "perl -e '\(write.replacing("'", with: "'\\''"))' > /tmp/call; chmod 755 /tmp/call; /tmp/call"
        ).status == EPERM)
    }

    @Test func callsOfTheX32InterfaceDoNotExist() throws {
      #expect(try call("0x40000000 | 39") == "-1 \(ENOSYS)")
    }

    @Test func otherCallsAreNotTouched() throws {
      #expect(try call("16, 0, 0x5401, $b") == "-1 \(ENOTTY)")
      #expect(try call("39") != "-1 \(ENOSYS)")
    }
  }
#endif
