import FoundationEssentials
import Glibc
import SystemPackage
import TestSupport
import Testing

/// The first start of a deployment, in a mount namespace: its root, with the shared /var mounted on it.
@Suite("First start", .requiresRoot)
struct FirstStartTests {
  private let disk: BootDisk
  private var store: TestStore { disk.store }
  private var shared: FilePath { disk.path(of: "@var") }

  /// Node 1 has a package with directories and a database, and much that must not come to another /var.
  init() throws {
    disk = try BootDisk()
    try runSuccessfully(["mkdir", "-p", shared.appending("lib/old").string])
    try runSuccessfully(["sh", "-c", "echo mine >$0/lib/old/state", shared.string])
    try change(Self.package + Self.hostile)
  }

  private static let package = """
    mkdir -p var/lib/old var/lib/some/data var/log/some var/cache/some var/spool/some usr/lib/sysimage/dpkg/info
    echo node >var/lib/old/state; echo 1 >var/lib/some/data/db; chown -R 101:102 var/lib/some; chmod 2750 var/lib/some
    echo text >var/log/some/log; chmod 640 var/log/some/log
    for place in lib/some lib/some/data log/some cache/some spool/some; do echo /var/$place; done \
      >usr/lib/sysimage/dpkg/info/some.list
    """
  private static let hostile = """

    mkdir -p var/spool/cron/crontabs var/lib/systemd/linger var/lib/systemd/system var/lib/portables
    echo '* * * * * root reboot' >var/spool/cron/crontabs/root; touch var/lib/systemd/linger/anna
    echo x >var/lib/systemd/system/evil.service; echo x >var/lib/portables/evil.service
    cp /bin/true var/lib/some/set; chmod 4755 var/lib/some/set; mknod -m 666 var/lib/some/disk b 8 0
    python3 -c 'import os; os.setxattr("var/lib/some/data/db", "security.capability", bytes.fromhex(
      "0100000200040000000000000000000000000000"))'
    """

  /// Changes the generation of node 1.
  private func change(_ script: String) throws {
    let content = try store.content(of: 1).string
    try runSuccessfully(["btrfs", "property", "set", content, "ro", "false"])
    try runSuccessfully(["bash", "-euc", "cd \"$0\"\n\(script)", content])
    try runSuccessfully(["btrfs", "property", "set", content, "ro", "true"])
  }

  /// Paths, permissions, owners, times, contents and extended attributes.
  private func checksum(of directory: FilePath) throws -> String {
    // The name of an extended header has tar's process id otherwise.
    let tar = """
      tar --create --sort=name --numeric-owner --format=posix --xattrs --xattrs-include='*' \
        --pax-option='exthdr.name=%d/%f,delete=atime' . | sha256sum
      """
    return try runSuccessfully(["sh", "-ec", tar], in: directory)
  }

  private func boot(
    _ root: FilePath, with variable: FilePath, environment: [String: String] = [:]
  ) throws -> CommandResult {
    let script = """
      mount --bind "$1" /mnt; mount --bind "$2" /mnt/var; exec "$0" boot-var --root /mnt
      """
    return try run(
      ["unshare", "--mount", "sh", "-ec", script, AstBinary.path.string, root.string, variable.string],
      environment: plainEnvironment.merging(environment) { $1 })
  }

  private func isPending(_ root: FilePath) -> Bool {
    FileManager.default.fileExists(atPath: root.appending("etc/.ast/seed").string)
  }

  /// All but links: those to the package state are in each /var.
  private func files(in directory: FilePath) throws -> [String] {
    try runSuccessfully(["find", ".", "-mindepth", "1", "!", "-type", "l", "-printf", "%M %U:%G %P\\n"], in: directory)
      .lines.sorted {
        $0.split(separator: " ")[2] < $1.split(separator: " ")[2]
      }
  }

  private static let expected = [
    "drwxr-xr-x 0:0 cache", "drwxr-xr-x 0:0 cache/some", "drwxr-xr-x 0:0 lib", "drwxr-xr-x 0:0 lib/old",
    "-rw-r--r-- 0:0 lib/old/state", "drwxr-xr-x 0:0 lib/portables", "drwxr-s--- 101:102 lib/some",
    "drwxr-xr-x 101:102 lib/some/data", "-rw-r--r-- 101:102 lib/some/data/db", "-rwxr-xr-x 0:102 lib/some/set",
    "drwxr-xr-x 0:0 lib/systemd", "drwxr-xr-x 0:0 lib/systemd/linger", "drwxr-xr-x 0:0 lib/systemd/system",
    "drwxr-xr-x 0:0 log", "drwxr-xr-x 0:0 log/some", "-rw-r----- 0:0 log/some/log", "drwxr-xr-x 0:0 spool",
    "drwxr-xr-x 0:0 spool/cron", "drwxr-xr-x 0:0 spool/cron/crontabs", "drwxr-xr-x 0:0 spool/some",
  ]

  @Test func packagesHaveTheirDirectoriesAndNothingHostileComes() throws {
    try store.ast("deploy", "1").expectSuccess()
    let root = disk.root(of: 1)
    #expect(isPending(root))
    let result = try boot(root, with: shared).expectSuccess()
    #expect(result.stderr == "ast: adding to /var what the packages of this deployment need\n")
    #expect(result.stdout.lines.contains("added /var/lib/some"))
    let made = try files(in: shared)
    #expect(made == Self.expected, "\(made)")
    let texts = ["lib/old/state", "lib/some/data/db", "log/some/log"].map { shared.appending($0).string }
    #expect(try runSuccessfully(["cat"] + texts) == "mine\n1\n")
    #expect(
      try runSuccessfully(["python3", "-c", "import os, sys; print(os.listxattr(sys.argv[1]))", texts[1]]) == "[]\n")
    #expect(try runSuccessfully(["readlink", "\(shared)/lib/dpkg"]) == "../../usr/lib/sysimage/dpkg\n")
    #expect(!isPending(root))
    let before = try checksum(of: shared)
    #expect(try boot(root, with: shared).expectSuccess().stderr == "")
    #expect(try checksum(of: shared) == before)
  }

  @Test func aStartThatIsCutShortIsRepeated() throws {
    try store.ast("deploy", "1").expectSuccess()
    let scratch = disk.path(of: "@srv")
    func fresh(_ name: String) throws -> (root: FilePath, variable: FilePath) {
      let pair = (scratch.appending("\(name)-root"), scratch.appending("\(name)-var"))
      for (from, to) in [(disk.root(of: 1), pair.0), (shared, pair.1)] {
        try runSuccessfully(["btrfs", "subvolume", "snapshot", from.string, to.string])
      }
      return pair
    }
    let whole = try fresh("whole")
    let trace = scratch.appending("trace")
    try boot(whole.root, with: whole.variable, environment: ["AST_FAIL_TRACE": trace.string]).expectSuccess()
    let points = try TestStore.points(in: trace)
    print("boot-var: \(points.count) fail points")
    #expect(points.last == "first start over")
    for index in points.indices {
      let state = try fresh("\(index)")
      let killed = try boot(state.root, with: state.variable, environment: ["AST_FAIL_AT": "\(index + 1)"])
      #expect(killed.signal == SIGKILL, "\(killed)")
      #expect(isPending(state.root) == (points[index] != "first start over"))
      try boot(state.root, with: state.variable).expectSuccess()
      #expect(!isPending(state.root))
      #expect(try files(in: state.variable) == files(in: whole.variable), "killed at '\(points[index])'")
      #expect(
        try TestStore.checksum(of: state.variable) == TestStore.checksum(of: whole.variable),
        "killed at '\(points[index])'")
    }
  }

  @Test func aPackageWithoutItsDirectoryFailsTheStart() throws {
    try runSuccessfully(["touch", shared.appending("cache").string])
    try store.ast("deploy", "1").expectSuccess()
    let result = try boot(disk.root(of: 1), with: shared)
    #expect(result.status == 1)
    #expect(result.stderr.contains("ast: /var lacks directories of packages: /var/cache/some\n"), "\(result)")
    #expect(isPending(disk.root(of: 1)))
    #expect(FileManager.default.fileExists(atPath: shared.appending("lib/some/data/db").string))
    try runSuccessfully(["rm", shared.appending("cache").string])
    try boot(disk.root(of: 1), with: shared).expectSuccess()
    #expect(!isPending(disk.root(of: 1)))
  }

  /// The root of a deployment must not be completed from, or into, itself.
  @Test func withoutTheSharedVarNothingIsDone() throws {
    try store.ast("deploy", "1").expectSuccess()
    let result = try boot(disk.root(of: 1), with: disk.root(of: 1).appending("var"))
    #expect(result.status == 5, "\(result)")
    #expect(isPending(disk.root(of: 1)))
  }

  @Test(arguments: [
    ["deploy", "1"], ["deploy", "--no-default", "1"], ["deploy", "--once", "1"], ["deploy", "-n", "1"],
  ])
  func deployLeavesTheLiveVarAsItIs(arguments: [String]) throws {
    let before = try checksum(of: shared)
    try store.ast(arguments).expectSuccess()
    #expect(try checksum(of: shared) == before)
  }

  @Test func aDeployThatFailsOrIsKilledLeavesTheLiveVarAsItIs() throws {
    let before = try checksum(of: shared)
    let points = try store.failPoints(of: ["deploy", "1"])
    for index in points.indices {
      let killed = try store.ast(["deploy", "1"], environment: ["AST_FAIL_AT": "\(index + 1)"])
      #expect(killed.signal == SIGKILL, "\(killed)")
      #expect(try checksum(of: shared) == before, "killed at '\(points[index])'")
      try store.ast("tmp").expectSuccess()
      #expect(try checksum(of: shared) == before, "after a kill at '\(points[index])'")
    }
    let grub = disk.path(of: "@grub").string
    try runSuccessfully(["btrfs", "property", "set", grub, "ro", "true"])
    #expect(try store.ast("deploy", "1").status == 1)
    #expect(try checksum(of: shared) == before)
  }

  @Test func anInterruptedDeployLeavesTheLiveVarAsItIs() throws {
    let before = try checksum(of: shared)
    let command = try store.start(["deploy", "1"])
    try eventually("the deploy") { try store.ast("info", "1").stdout.contains("deploy running") }
    command.send(SIGINT)
    _ = try command.wait()
    #expect(try checksum(of: shared) == before)
  }
}
