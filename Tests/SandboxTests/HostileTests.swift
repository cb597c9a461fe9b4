import Glibc
import Sandbox
import SystemPackage
import TestSupport
import Testing

/// The attempts of a malicious maintainer script, which must only harm its own root.
@Suite(.requiresRoot) struct HostileTests {
  var fixture: Fixture
  init() throws { fixture = try Fixture() }

  @Test func removingEverythingHarmsOnlyTheRoot() throws {
    try runSuccessfully(
      ["sh", "-euc", "mkdir -p sibling/deep; echo treasure > sibling/deep/file; echo kept > sibling/shown"],
      in: fixture.directory)
    let checksum = [
      "sh", "-euc", "find sibling -exec stat -c '%n %a %s %y' {} +; sha256sum sibling/deep/file sibling/shown",
    ]
    let before = try runSuccessfully(checksum, in: fixture.directory)
    let devices = try runSuccessfully([
      "stat", "-c", "%n %a %u %t:%T", "/dev/null", "/dev/tty", "/dev/zero", "/run", "/tmp",
    ])
    var fixture = fixture
    fixture.sandbox.binds = [.init(fixture.directory.appending("sibling/shown"), at: "/etc/shown")]

    let outcome = try fixture.shell("rm -rf --no-preserve-root / 2>/dev/null; echo done")

    #expect(outcome.stdout == "done\n")
    #expect(try runSuccessfully(checksum, in: fixture.directory) == before)
    #expect(try runSuccessfully(["find", ".", "-type", "f"], in: fixture.root) == "")
    #expect(
      try runSuccessfully(["stat", "-c", "%n %a %u %t:%T", "/dev/null", "/dev/tty", "/dev/zero", "/run", "/tmp"])
        == devices)
  }

  @Test func hostDevicesKeepTheirMode() throws {
    let null = try FileDescriptor.open("/dev/null", .readWrite)
    defer {
      // If it fails, the machine must stay usable.
      for path in ["/dev/null", "/dev/tty", "/dev/zero", "/dev/full"] { chmod(path, 0o666) }
      try? null.close()
    }
    let script = "chmod 0 /dev/null /dev/tty; chown 1 /dev/zero; rm -f /dev/full; perl -e 'chmod 0, *STDIN, *STDOUT'"
    _ = try fixture.sandbox.run(["sh", "-c", script], on: .given(input: null, output: null, error: null))
    #expect(
      try runSuccessfully(["stat", "-c", "%n %a %u", "/dev/null", "/dev/tty", "/dev/zero", "/dev/full"])
        == "/dev/null 666 0\n/dev/tty 666 0\n/dev/zero 666 0\n/dev/full 666 0\n")
  }

  @Test(arguments: ["", "/dev", "/run", "/tmp", "/dev/shm"])
  func ownNodeOfADiskCannotBeOpened(directory: String) throws {
    // The disk of the tests' own file system: if it were reachable, only that would be destroyed.
    let disk = try runSuccessfully(["findmnt", "-no", "SOURCE", "-T", LoopBtrfs.shared.root.string])
    let number = try runSuccessfully([
      "stat", "-c", "%Hr %Lr", String(disk.split(whereSeparator: { "[\n".contains($0) })[0]),
    ])
    let script = """
      mknod \(directory)/disk b \(number.dropLast()) || exit 3
      head -c 1 \(directory)/disk && exit 4
      dd if=/dev/zero of=\(directory)/disk bs=4096 count=1 conv=notrunc && exit 5
      rm \(directory)/disk
      """
    let outcome = try fixture.shell(script)
    #expect(outcome.status == 0)
    #expect(outcome.stderr.components(of: "Permission denied") == 2)
  }

  @Test(arguments: [
    ("/proc/sysrq-trigger", "h", "Read-only file system"),
    ("/proc/sys/kernel/hostname", "hacked", "Read-only file system"),
    ("/proc/sys/kernel/core_pattern", "|/x", "Read-only file system"),
    ("/sys/kernel/mm/transparent_hugepage/enabled", "never", "Read-only file system"),
    ("/proc/irq/default_smp_affinity", "1", "Read-only file system"),
  ])
  func kernelSettingsCannotBeWritten(path: String, text: String, error: String) throws {
    guard access(path, F_OK) == 0 else { return }  // not every kernel has every file
    let outcome = try fixture.shell("printf \(text) > \(path)")
    #expect(outcome.status != 0)
    #expect(outcome.stderr.contains(error))
  }

  @Test(arguments: ["/proc/kcore", "/proc/kmsg", "/proc/keys", "/proc/timer_list", "/proc/kpageflags"])
  func kernelMemoryAndLogAreHidden(path: String) throws {
    #expect(try fixture.shell("if test -e \(path); then head -c 10 \(path) | wc -c; else echo 0; fi").stdout == "0\n")
  }

  @Test(arguments: [
    ("mount", "mount -t tmpfs none /mnt"), ("bind", "mount --bind /etc /mnt"),
    ("remount", "mount -o remount,rw /proc/sys"),
    ("umount", "umount /proc/sys"), ("hostname", "perl -e 'syscall(170, \"x\", 1) == 0 or exit 1'"),
    ("date", "date -s @0"), ("dmesg", "dmesg"), ("nice", "sh -c 'ulimit -Hn unlimited'"),
  ])
  func privilegedActIsRefused(name: String, command: String) throws {
    #expect(try fixture.shell(command).status != 0, "\(name)")
  }

  @Test func namespacesOfTheHostAreOutOfReach() throws {
    #expect(try fixture.shell("ls /proc/1/ns/mnt -l; nsenter -t 1 -m true").status != 0)
    let inside = try fixture.shell("readlink /proc/self/ns/mnt /proc/self/ns/pid /proc/self/ns/ipc /proc/self/ns/uts")
    let outside = try runSuccessfully(
      ["readlink", "/proc/self/ns/mnt", "/proc/self/ns/pid", "/proc/self/ns/ipc", "/proc/self/ns/uts"])
    #expect(inside.stdout.split(separator: "\n").count == 4)
    #expect(Set(inside.stdout.split(separator: "\n")).isDisjoint(with: outside.split(separator: "\n")))
  }

  @Test func daemonsDieWithTheProgram() throws {
    let duration = uniqueDuration()
    let outcome = try fixture.shell(
      "setsid sleep \(duration) & (trap '' HUP TERM INT; sleep \(duration); sleep \(duration)) & sleep 0.2; exit 7")
    #expect(outcome.status == 7)
    #expect(try processes(withArgument: duration).isEmpty)
  }

  @Test(arguments: ["fd/0", "fd/3", "root", "cwd", "exe", "maps", "environ", "mem"])
  func initIsClosedToTheProgram(entry: String) throws {
    let outcome = try fixture.shell("{ cat /proc/1/\(entry) || ls /proc/1/\(entry)/; } | head -c 100")
    #expect(outcome.stdout == "")
    #expect(outcome.stderr.contains("Permission denied"))
  }

  @Test func initCannotBeTracedOrKilled() throws {
    let attach = 16
    let outcome = try fixture.perl(
      "print syscall(101, \(attach), 1, 0, 0), ' ', $!+0, qq(\\n); kill 9, 1; kill 15, 1; select(undef, undef, undef, 0.1); print qq(alive\\n)"
    )
    #expect(outcome.stdout == "-1 \(EPERM)\nalive\n")
  }

  @Test func inheritedDescriptorsAreClosed() throws {
    let directory = try FileDescriptor.open("/", .readOnly)  // not close-on-exec
    let file = try FileDescriptor.open("/etc/hostname", .readOnly)
    defer {
      try? directory.close()
      try? file.close()
    }
    #expect(try fixture.shell("ls /proc/$$/fd | tr '\\n' ' '").stdout == "0 1 2 ")
  }

  @Test func ownChrootIsNoWayOut() throws {
    let script = """
      mkdir "/jail"; chroot "/jail"; for (1..40) { chdir ".." } chroot "."; print -e "/run/ast/sandbox" ? "inside" : "out"
      """
    #expect(try fixture.perl(script).stdout == "inside")
  }

  @Test func socketsOfTheHostAreOutOfReach() throws {
    let name = "ast-test-\(getpid())-\(Fixture.number())"
    let listen = """
      use Socket; for my $n ("/run/\(name)", "\\0\(name)") { socket(my $s, PF_UNIX, SOCK_STREAM, 0);
      bind($s, pack_sockaddr_un($n)) or die; listen($s, 1); push @s, $s } $| = 1; print "ready\\n"; sleep 60
      """
    let server = try PseudoTerminal(["perl", "-e", listen])
    defer { unlink("/run/\(name)") }
    try server.expect("ready")
    let connect = """
      use Socket; for my $n ("/run/\(name)", "\\0\(name)") { socket(my $s, PF_UNIX, SOCK_STREAM, 0);
      print connect($s, pack_sockaddr_un($n)) ? "connected" : $!+0, " " }
      """
    let scoped = try runSuccessfully(["perl", "-e", "print syscall(444, 0, 0, 1)"])
    let outcome = try fixture.perl(connect)
    #expect(outcome.stdout.hasPrefix("\(ENOENT) "))
    if Int(scoped) ?? 0 >= 6 { #expect(outcome.stdout == "\(ENOENT) \(EPERM) ") }
    var isolated = fixture
    isolated.sandbox.network = .isolated
    #expect(try isolated.perl(connect).stdout == "\(ENOENT) \(ECONNREFUSED) ")
  }

  @Test func fileHandlesDoNotReachOtherSubvolumes() throws {
    try runSuccessfully(["sh", "-c", "echo secret > secret"], in: fixture.directory)
    let secret = fixture.directory.appending("secret").string
    let makeHandle =
      "$h = pack('Ll', 128, 0) . chr(0) x 128; $m = pack('l', 0); $n = '\(secret)'; syscall(303, -100, $n, $h, $m, 0) == 0 or die $!;"
    let open = """
      open(D, '<', '/'); $f = syscall(304, fileno(D), $h, 0); if ($f < 0) { print 'refused' } else { open(F, "<&=$f"); print <F> }
      """
    let handle = try runSuccessfully(["perl", "-e", makeHandle + "print unpack('H*', $h)"])
    let useHandle = "$h = pack('H*', '\(handle)'); \(open)"
    let opened = useHandle.replacing("'<', '/'", with: "'<', '\(fixture.directory)'")
    #expect(try runSuccessfully(["perl", "-e", opened]) == "secret\n")
    #expect(try fixture.perl(useHandle).stdout == "refused")
  }

  /// In one of its own it would have all capabilities, and could mount, and write in control groups of the host.
  @Test func thereIsNoUserNamespace() throws {
    let outcome = try fixture.run(["unshare", "-Urm", "sh", "-c", "echo in"])
    #expect(outcome.stdout == "")
    #expect(outcome.stderr.contains("Operation not permitted"), "\(outcome)")
    #expect(try fixture.run(["unshare", "--map-root-user", "--cgroup", "true"]).status != 0)
  }

  @Test(arguments: ["ln -s /proc/self/exe opt/run", "printf '#!/proc/self/exe\\n' > opt/run; chmod 755 opt/run"])
  func callersBinaryCannotBeExecuted(preparation: String) throws {
    try fixture.prepare(preparation)
    let error = try #require(throws: SandboxError.self) { try fixture.run(["/opt/run"]) }
    #expect(error.status == 126)
  }

  @Test func capabilitiesAreTheFewKeptOnes() throws {
    // capability.h numbers of CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST
    // NET_RAW IPC_OWNER SYS_CHROOT MKNOD LEASE SETFCAP
    let kept: [UInt64] = [0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 18, 27, 28, 31]
    let all: UInt64 = kept.reduce(0) { $0 | 1 << $1 }
    let script = "while read -r name set; do case $name in Cap*) echo \"$name$set\";; esac; done < /proc/self/status"
    func sets(_ text: String) -> [String: UInt64] {
      Dictionary(
        uniqueKeysWithValues: text.split(separator: "\n").map {
          let parts = $0.split(separator: ":")
          return (String(parts[0]), UInt64(parts[1], radix: 16) ?? .max)
        })
    }
    let host = try #require(sets(try runSuccessfully(["sh", "-c", script]))["CapBnd"])
    let expected: [String: UInt64] = [
      "CapInh": 0, "CapPrm": all & host, "CapEff": all & host, "CapBnd": all & host, "CapAmb": 0,
    ]
    #expect(sets(try fixture.shell(script).stdout) == expected)
  }
}

extension String {
  /// How often `text` occurs.
  fileprivate func components(of text: String) -> Int { ranges(of: text).count }
}
