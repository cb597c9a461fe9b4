import FoundationEssentials
import Glibc
import SystemPackage
import TestSupport
import Testing

/// The attacks of hostile programs that `ast run` prevents: in a real Debian, as root.
@Suite("hostile commands", .requiresRoot, .serialized)
struct HostileCommandTests {
  let node: DebianNode
  let before: Traces

  init() throws {
    node = try DebianNode(cloneOf: HostileProgram.node)
    before = try node.traces()
  }

  private func expectNothingLeft(sourceLocation: SourceLocation = #_sourceLocation) throws {
    #expect(try node.traces() == before, sourceLocation: sourceLocation)
    #expect(try node.store.ast("doctor").status == 0, sourceLocation: sourceLocation)
  }

  // MARK: Destroying

  @Test(arguments: [
    ("", 1, "exit status 1; changes discarded"),
    ("; exit 0", 125, "would no longer have a package database; the changes are discarded"),
  ])
  func removingEverythingHarmsNothingElse(end: String, status: Int32, message: String) throws {
    let outside = try OutsideDirectory()
    let neighbours = [try node.store.content(of: 0), outside.path, try node.content]
    let untouched = try neighbours.map(listing)
    let machine = ["stat", "--format=%n %a %u:%g %t:%T %Z", "/dev/null", "/dev/tty", "/etc/resolv.conf", "/etc", "/"]
    let host = try runSuccessfully(machine)

    let result = try node.shell("rm -rf --no-preserve-root / 2>/dev/null\(end)")

    #expect(result.status == status)
    #expect(result.stderr.contains(message))
    #expect(try neighbours.map(listing) == untouched)
    #expect(try runSuccessfully(machine) == host)
    #expect(try node.info().generation == 1)
    try expectNothingLeft()
  }

  @Test func diskOfTheStoreCannotBeOpenedThroughANodeOfOnesOwn() throws {
    let source = try runSuccessfully(["findmnt", "--noheadings", "--output=SOURCE", "\(LoopBtrfs.shared.root)"])
    let numbers = try runSuccessfully(["stat", "--format=%Hr %Lr", source.split(separator: "\n").joined()])
      .split(whereSeparator: \.isWhitespace).map(String.init)
    let places = ["/", "/dev", "/dev/shm", "/tmp", "/run", "/root", "/var/tmp"]
    // Nothing is before the superblock of a btrfs at 64 KiB (btrfs(5)): if this worked, nothing would break.
    let script = """
      block=$1 number=$2
      shift 2
      for place; do
        mknod "$place/disk" b $block $number || exit 3
        dd if="$place/disk" of=/dev/null bs=512 count=1 && exit 4
        dd if=/dev/zero of="$place/disk" bs=512 count=1 conv=notrunc && exit 5
        mknod "$place/memory" c 1 1 && dd if="$place/memory" of=/dev/null bs=1 count=1 && exit 6
        rm "$place/disk" "$place/memory"
      done
      """
    let result = try node.run(["sh", "-c", script, "sh"] + numbers + places)
    #expect(result.status == 0)
    #expect(result.stderr.split(separator: "\n").count { $0.hasSuffix("Permission denied") } == 3 * places.count)
    try expectNothingLeft()
  }

  @Test func settingsOfTheKernelAreReadOnly() throws {
    let candidates = [
      "/proc/sysrq-trigger", "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/hostname", "/proc/sys/vm/drop_caches",
      "/sys/power/state", "/sys/kernel/mm/transparent_hugepage/enabled", "/sys/kernel/uevent_helper",
    ]
    let settings = candidates.filter { access($0, F_OK) == 0 }
    #expect(settings.contains("/proc/sys/kernel/core_pattern"))
    let result = try node.run(["hostile", "open-to-write"] + settings)
    try #require(result.stdout == settings.map { "\($0): EROFS\n" }.joined())
    // This is harmless only because they are read-only, as checked above.
    for setting in settings { #expect(try node.shell("echo b >\"$1\"", setting).status == 2) }
    try expectNothingLeft()
  }

  @Test func attributesThatForbidDeletionDoNotKeepTheCloneAlive() throws {
    for attributes in ["i", "a", "ia"] {
      let result = try node.shell("hostile protect / $1; exit 3", attributes)
      #expect(result.status == 3)
      try expectNothingLeft()
    }
  }

  @Test func attributesThatForbidDeletionDoNotKeepAGenerationAlive() throws {
    for generation in 2...6 {
      let result = try node.shell("echo \(generation) >/root/note; hostile protect / ia")
      #expect(result.stderr == "ast: node \(node.id): changes kept as generation \(generation)\n")
    }
    #expect(try node.text(of: "root/note") == "6\n")
    try node.store.ast("undo", "\(node.id)").expectSuccess()
    try node.store.ast("del", "--yes", "\(node.id)").expectSuccess()
    #expect(access(node.store.root.appending("nodes/\(node.id)").string, F_OK) != 0)
    #expect(try node.store.ast("doctor").status == 0)
  }

  @Test func cloneOfAKilledAstGoesThoughItForbidsDeletion() throws {
    let shell = try OuterShell(node.store)
    try shell.terminal.send("ast run \(node.id) sh -c 'hostile protect / ia; exec sleep 1000'\n")
    try node.awaitProcess(named: "sleep")
    kill(try node.lastOperation().pid, SIGKILL)
    try shell.returned(after: "")
    #expect(try node.store.ast("clone", "0").status == 0)
    try eventually("the end of everything inside") { try node.store.processes(in: node.id).isEmpty }
    try expectNothingLeft()
  }

  // MARK: Getting out

  @Test func mountsCannotBeChanged() throws {
    let result = try node.run(["hostile", "mounts"])
    let attempts = [
      "mount", "bind", "move", "remount", "mount_setattr", "umount", "fsopen", "open_tree", "pivot_root", "unshare",
      "setns",
    ]
    #expect(result.stdout == attempts.map { "\($0): EPERM\n" }.joined())
    #expect(try node.shell("mount -t tmpfs none /mnt || umount /proc || mount --bind / /mnt").status == 32)
    try expectNothingLeft()
  }

  @Test func subvolumesCannotBeMadeOrDestroyed() throws {
    let result = try node.run(["hostile", "subvolumes"])
    #expect(
      result.stdout == """
        create: ENOTTY
        create v2: ENOTTY
        snapshot: ENOTTY
        snapshot v2: ENOTTY
        destroy: ENOTTY
        destroy v2: ENOTTY
        property: ENOTTY
        received: ENOTTY
        received 32: ENOTTY
        default: EPERM
        quota: EPERM
        resize: EPERM
        search: EPERM

        """)
    #expect(result.stderr == "ast: node \(node.id): nothing was changed\n")
    try expectNothingLeft()
  }

  @Test func sharedExtentsStayWithinTheNode() throws {
    let base = try node.store.content(of: 0)
    let untouched = try listing(base)
    let script = """
      cp --reflink=always /usr/bin/perl /root/clone && cat /usr/bin/perl >/root/copy && cp /usr/bin/dpkg /root/other &&
      hostile dedupe /usr/bin/perl /root/copy && hostile dedupe /usr/bin/perl /root/other &&
      cmp /usr/bin/perl /root/copy && cmp /usr/bin/dpkg /root/other && echo harm >/root/clone
      """
    let result = try node.shell(script)
    #expect(result.stdout == "dedupe: DONE\nsame\ndedupe: DONE\ndiffers\n")
    #expect(result.status == 0)
    #expect(try listing(base) == untouched)
    try runSuccessfully([
      "cmp", base.appending("usr/bin/perl").string, try node.content.appending("usr/bin/perl").string,
    ])
    try expectNothingLeft()
  }

  @Test func fileHandlesReachNothingOutside() throws {
    let outside = try OutsideDirectory()
    let program = try HostileProgram.path.string
    let handles = try ["passwd", "dpkg"].map {
      try runSuccessfully([program, "handle-of", outside.path.appending($0).string])
    }
    // On the host this works, so the handles are valid.
    #expect(
      try runSuccessfully([program, "handles", node.store.root.string] + handles) == "file: DONE\ndirectory: DONE\n")
    #expect(try node.run(["hostile", "handles", "/"] + handles).stdout == "file: EPERM\ndirectory: EPERM\n")

    let inOwnNamespace = try node.run(["hostile", "own-namespace"] + handles).stdout
    let lines = inOwnNamespace.split(separator: "\n")
    // A kernel may forbid user namespaces altogether.
    if lines != ["namespace: none"] {
      #expect(lines.count == 10)
      #expect(lines.filter { $0.hasSuffix("DONE") } == ["bind: DONE"])
    }
    try expectNothingLeft()
  }

  @Test func processesLeadNowhereOutside() throws {
    let script = """
      for process in /proc/[0-9]*; do
        ls "$process/root/" >/dev/null 2>&1 && test ! -e "$process/root/run/ast/sandbox" && echo "$process leads out"
      done
      for entry in root cwd fd; do test -r "/proc/1/$entry/0" || test -e "/proc/1/$entry/etc" && echo "$entry is open"; done
      cat /proc/1/environ /proc/1/maps /proc/1/mem 2>/dev/null
      readlink /proc/*/cwd /proc/*/root /proc/*/fd/* | grep -F "$1"
      cut -d ' ' -f 5 /proc/self/mountinfo | grep -F "$1"
      hostile escape
      kill -KILL 1
      true
      """
    let result = try node.shell(script, try LoopBtrfs.shared.root.string)
    #expect(result.stdout == "inside\n")
    #expect(result.status == 0)
    try expectNothingLeft()
  }

  @Test func nothingIsTypedIntoTheTerminalOutside() throws {
    let shell = try OuterShell(node.store)
    try shell.enter(node)
    #expect(try shell.inside(node, "hostile type $'echo injected-$((1+1))\\n'") == ["TIOCSTI: EPERM"])
    let left = try shell.leave(node, "exit 1")
    #expect(left.shown == ["exit", "ast: node \(node.id): exit status 1; changes discarded"])
    #expect(left.status == "1")
    #expect(try shell.command("echo done") == ["done"])
    try expectNothingLeft()
  }

  // MARK: Staying

  @Test func daemonsDieAndKeepNobodyWaiting() throws {
    let script = "setsid sleep 100000 & nohup sleep 100000 >/dev/null 2>&1 & echo started; exit 0"
    let ast = ["timeout", "100", AstBinary.path.string, "run", "\(node.id)", "sh", "-c", script]
    let result = try run(ast, environment: plainEnvironment.merging(["AST_STORE": node.store.root.string]) { $1 })
    #expect(result.stdout == "started\n")
    #expect(result.status == 0)
    try expectNothingLeft()
  }

  @Test func manyChildrenAllDie() throws {
    let result = try node.shell("hostile children 300; ls -d /proc/[0-9]* | wc -l; echo kept >/root/note")
    #expect(try #require(Int(result.stdout.split(separator: "\n").joined())) > 300)
    #expect(result.stderr == "ast: node \(node.id): changes kept as generation 2\n")
    try expectNothingLeft()
  }

  // MARK: Misleading ast

  @Test func hugePackageDatabaseIsRefused() throws {
    let result = try node.shell("truncate --size=4T /usr/lib/sysimage/dpkg/status")
    #expect(result.status == 125)
    #expect(result.stderr.hasPrefix("ast: cannot read the package database in "))
    #expect(result.stderr.hasSuffix(": File too large\n"))
    #expect(try node.info().generation == 1)
    try expectNothingLeft()
  }

  @Test(arguments: ["mknod $1 c 4000 0", "mkfifo $1", "mkdir $1"])
  func whatIsNoFileIsNotOpenedByAst(kind: String) throws {
    let script = """
      make() { rm -f "$1"; \(kind); }
      mkdir /etc/ast; for file in /etc/passwd /etc/ast/node.toml; do make $file; done
      """
    try node.shell(script).expectSuccess()
    let entered = try node.store.ast("chroot", "\(node.id)", input: "echo $0\n")
    #expect(entered.stdout == "/bin/sh\n")
    let editor = "sh -c 'echo \"#new\" >>\"$0\"'"
    let edited = try node.store.ast("edit-conf", "\(node.id)", environment: ["EDITOR": editor])
    edited.removeDraft()
    #expect(edited.status == (kind.hasPrefix("mkdir") ? 1 : 0))
    try expectNothingLeft()
  }

  @Test(arguments: ["mknod $1 c 4000 0", "mkfifo $1", "ln -s /etc/hosts $1", "ln /etc/hosts $1"])
  func settingsAreNotWrittenThroughWhatIsThere(kind: String) throws {
    let hosts = try node.text(of: "etc/debian_version")
    try node.shell(
      "make() { \(kind); }; mkdir /etc/ast; cp /etc/debian_version /etc/hosts; make /etc/ast/node.toml.ast-new"
    )
    .expectSuccess()
    let editor = "sh -c 'echo \"#new\" >\"$0\"'"
    try node.store.ast("edit-conf", "\(node.id)", environment: ["EDITOR": editor]).expectSuccess()
    #expect(try node.text(of: "etc/ast/node.toml") == "#new\n")
    #expect(try node.text(of: "etc/hosts") == hosts)
    try expectNothingLeft()
  }
}

/// Names, kinds, modes, owners, sizes and times below a directory, except those that reading changes. A program in a node
/// cannot set the time of the last change of an inode.
func listing(_ directory: FilePath) throws -> String {
  try runSuccessfully(["find", directory.string, "-printf", "%P %y %m %U:%G %n %s %T@ %C@ %l\\n"])
}
