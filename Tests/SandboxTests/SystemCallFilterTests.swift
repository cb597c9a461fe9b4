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

    @Test(arguments: [tiocsti, 0x541C, 0x5423, 1 << 32 | tiocsti])
    func typingIntoTheTerminalIsRefused(request: Int) throws {
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
