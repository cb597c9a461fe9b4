import Glibc
import Sandbox
import SystemPackage
import TestSupport
import Testing

/// A control group for a test's runs, in the hierarchy of version 2, which is mounted for it.
private final class Groups {
  let parent: FilePath
  private let mount: FilePath

  init() throws {
    mount = FilePath("/tmp/ast-test-groups-\(getpid())-\(Fixture.number())")
    parent = mount.appending("ast-test-\(getpid())-\(Fixture.number())")
    try runSuccessfully(["mkdir", mount.string])
    do {
      try runSuccessfully(["mount", "-t", "cgroup2", "none", mount.string])
      try runSuccessfully(["mkdir", parent.string])
    } catch {
      end()
      throw error
    }
  }

  /// Lets the groups below have limits, where that is possible.
  func enableControllers() -> Bool {
    [mount, parent].allSatisfy { group in
      ["memory", "pids"].allSatisfy {
        (try? runSuccessfully(["sh", "-c", "echo +\($0) >\(group)/cgroup.subtree_control"])) != nil
      }
    }
  }

  /// The groups of runs that are there.
  func names() throws -> String { try runSuccessfully(["find", parent.string, "-mindepth", "1", "-type", "d"]) }

  /// What keeps limits from being tested here; nil if nothing does.
  static let hindrance: String? = {
    guard geteuid() == 0, let groups = try? Groups() else { return "needs a control group hierarchy of version 2" }
    return groups.enableControllers()
      ? nil : "needs the controllers memory and pids of version 2, which are not free here"
  }()

  private func end() {
    _ = try? runSuccessfully(["find", parent.string, "-depth", "-type", "d", "-exec", "rmdir", "{}", ";"])
    umount2(mount.string, 0)
    rmdir(mount.string)
  }

  deinit { end() }
}

/// A program in a node cannot take all processes and all memory of the machine.
@Suite(.requiresRoot) struct LimitTests {
  var fixture: Fixture
  init() throws { fixture = try Fixture() }

  /// Starts processes until it cannot, and prints how many there are.
  private static let bomb =
    "while ($n < 3000 and defined($p = fork)) { if (!$p) { sleep 600; exit } $n++ } print $n, ' ', $!+0"

  private static let isLimitedPerNamespace: Bool = {
    var kernel = utsname()
    uname(&kernel)
    let release = withUnsafeBytes(of: &kernel.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    let numbers = release.split(whereSeparator: { !$0.isNumber }).prefix(2).compactMap { Int($0) }
    return !numbers.lexicographicallyPrecedes([6, 14])
  }()

  @Test(.enabled(if: isLimitedPerNamespace, "needs Linux 6.14: process IDs are the whole machine's before"))
  func processIDsAreLimitedWithoutAControlGroup() throws {
    let machine = try runSuccessfully(["cat", "/proc/sys/kernel/pid_max"])
    var fixture = fixture
    fixture.sandbox.limits.tasks = 100
    let words = try fixture.perl(Self.bomb).stdout.split(separator: " ").compactMap { Int($0) }
    #expect(words.count == 2 && (98...400).contains(words[0]) && words[1] == Int(EAGAIN), "\(words)")
    #expect(try runSuccessfully(["cat", "/proc/sys/kernel/pid_max"]) == machine)
    fixture.sandbox.limits.tasks = nil
    #expect(try fixture.perl(Self.bomb).stdout.hasPrefix("3000 "))
  }

  @Test func machineOutOfMemoryKillsTheProgramFirst() throws {
    let script = "read score </proc/self/oom_score_adj; echo $score; echo 0 >/proc/self/oom_score_adj || echo refused"
    let outcome = try fixture.shell(script).stdout
    // Without CAP_SYS_RESOURCE, root cannot take the program's right to go back.
    let capabilities = try runSuccessfully(["sed", "-n", "s/^CapEff:\t//p", "/proc/self/status"]).dropLast()
    let mayKeep = (UInt64(capabilities, radix: 16) ?? 0) & 1 << 24 != 0
    #expect(outcome == (mayKeep ? "500\nrefused\n" : "500\n"))
  }

  @Test(.enabled(if: Groups.hindrance == nil, "\(Groups.hindrance ?? "")"))
  func forkBombMeetsTheLimit() throws {
    let groups = try Groups()
    #expect(groups.enableControllers())
    var fixture = fixture
    fixture.sandbox.limits.parent = groups.parent
    fixture.sandbox.limits.tasks = 100
    let outcome = try fixture.perl(Self.bomb)
    // The first process of the sandbox and this one count, too.
    #expect(outcome.stdout == "98 \(EAGAIN)")
    #expect(outcome.result.reachedLimits == [.tasks])
    #expect(try groups.names() == "")
    #expect(try fixture.shell("true").result.reachedLimits == [])
  }

  @Test(.enabled(if: Groups.hindrance == nil, "\(Groups.hindrance ?? "")"))
  func memoryHogIsKilled() throws {
    let groups = try Groups()
    #expect(groups.enableControllers())
    var fixture = fixture
    fixture.sandbox.limits.parent = groups.parent
    (fixture.sandbox.limits.memory, fixture.sandbox.limits.swap) = (64 << 20, 0)
    let outcome = try fixture.perl("$x = 'x' x (200 << 20); print 'had it'")
    #expect(outcome.stdout == "")
    #expect(outcome.result.end == .signaled(SIGKILL))
    #expect(outcome.result.reachedLimits == [.memory])
    // A shell that started it goes on.
    #expect(try fixture.shell("perl -e '$x = qq(x) x (200 << 20)'; echo $?").stdout.hasSuffix("137\n"))
  }

  private static let hasGroups = geteuid() == 0 && (try? Groups()) != nil

  @Test(.enabled(if: hasGroups, "needs a control group hierarchy of version 2"))
  func groupHoldsAllProcessesAndGoesWithThem() throws {
    let groups = try Groups()
    var fixture = fixture
    fixture.sandbox.limits.parent = groups.parent
    let root = groups.parent.lastComponent?.string ?? ""
    let outcome = try fixture.shell("cat /proc/1/cgroup; setsid sh -c 'cat /proc/self/cgroup'; sleep 600 &")
    let lines = Set(outcome.stdout.split(separator: "\n").filter { $0.hasPrefix("0::") })
    #expect(lines.count == 1 && lines.first?.contains("\(root)/\(getpid())-") == true, "\(outcome.stdout)")
    #expect(try groups.names() == "")
  }

  @Test(.enabled(if: hasGroups, "needs a control group hierarchy of version 2"))
  func nextRunRemovesWhatAKilledOneLeft() throws {
    let groups = try Groups()
    let duration = uniqueDuration()
    let terminal = try Driver.terminal(fixture, ["sleep", duration], options: ["--group", groups.parent.string])
    #expect(try eventually { try groups.names().contains("/\(terminal.process)-") })
    kill(terminal.process, SIGKILL)
    try terminal.waitForExit()
    #expect(try eventually { try processes(withArgument: duration).isEmpty })
    let left = try groups.names()
    #expect(left.contains("/\(terminal.process)-"), "\(left)")
    var fixture = fixture
    fixture.sandbox.limits.parent = groups.parent
    #expect(try fixture.shell("true").status == 0)
    #expect(try groups.names() == "")
  }

  @Test func groupThatCannotBeMadeIsAnError() throws {
    var fixture = fixture
    fixture.sandbox.limits.parent = "/proc/self"
    let error = try #require(throws: SandboxError.self) { try fixture.shell("true") }
    #expect(error.description.hasPrefix("cannot make the control group /proc/self/"), "\(error)")
  }
}
