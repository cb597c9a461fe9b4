import FoundationEssentials
import SnapshotTree
import SystemPackage
import TestSupport
import Testing

/// The /etc of a deployment at its start, brought up to date by the program that the first one starts. The boots
/// themselves are in `Tests/Boot`.
@Suite("Etc at start", .requiresRoot)
struct EtcAtStartTests {
  private let disk: BootDisk
  private var store: TestStore { disk.store }

  /// Deployment 1 is good and ran last; deployment 2, of another generation, was made while it ran.
  init() throws {
    disk = try BootDisk()
    try store.ast("run", "1", "sh", "-ec", Self.accounts).expectSuccess()
    try store.ast("run", "1", "sh", "-ec", "cd /etc; echo a >edited; echo a >deleted; ln -s a link; echo a >both")
      .expectSuccess()
    try store.ast("deploy", "1").expectSuccess()
    try disk.start(1)
    try disk.markGood(1)
    try store.ast("run", "1", "sh", "-ec", "echo 2 >/etc/release").expectSuccess()
    try store.ast("deploy", "1").expectSuccess()
  }

  private static let accounts = """
    cd /etc
    printf 'root:x:0:0:root:/root:/bin/sh\\ndaemon:x:1:1::/:/bin/sh\\nann:x:1001:1001::/home/ann:/bin/sh\\n' >passwd
    printf 'root:old:1::::::\\ndaemon:*:1::::::\\nann:old:1::::::\\n' >shadow
    printf 'root:x:0:\\ndaemon:x:1:\\naudio:x:29:\\nann:x:1001:\\n' >group
    """

  private static let changes = """
    cd "$0"
    echo bob:x:1002:1002::/home/bob:/bin/sh >>passwd; echo bob:secret:2:::::: >>shadow; echo bob:x:1002: >>group
    sed -i s/ann:old:1/ann:new:2/ shadow
    sed -i s/audio:x:29:/audio:x:29:bob/ group
    echo b >edited; rm deleted; ln -sf b link
    """

  /// All that the changes leave in an /etc.
  private func changed(in deployment: Int) throws -> [String] {
    let script = """
      cd "$0"
      grep -h -e ^ann: -e ^bob: passwd shadow group
      grep ^audio group; cat edited; readlink link; if [ -e deleted ]; then echo deleted; fi
      """
    return try runSuccessfully(["sh", "-c", script, disk.etc(of: deployment).string]).split(separator: "\n").map(
      String.init)
  }

  private static let expected = [
    "ann:x:1001:1001::/home/ann:/bin/sh", "bob:x:1002:1002::/home/bob:/bin/sh", "ann:new:2::::::", "bob:secret:2::::::",
    "ann:x:1001:", "bob:x:1002:", "audio:x:29:bob", "b", "b",
  ]

  @Test func whatWasChangedAfterTheDeployComesAlong() throws {
    try runSuccessfully(["sh", "-ec", Self.changes, disk.etc(of: 1).string])
    let before = try TestStore.checksum(of: disk.etc(of: 1))
    #expect(try disk.start(2) == StartResult(status: 0))
    #expect(try changed(in: 2) == Self.expected)
    #expect(try disk.read("release", of: 2) == "2\n")
    #expect(try TestStore.checksum(of: disk.etc(of: 1)) == before)
    #expect(try disk.ran == "ran=2\n")
    #expect(try disk.bases == ["2.2"])
    let made = try TestStore.checksum(of: disk.root(of: 2))
    #expect(try disk.start(2) == StartResult(status: 0))
    #expect(try TestStore.checksum(of: disk.root(of: 2)) == made)
    try store.ast("tmp").expectSuccess()
    #expect(try Consistency.problems(of: store) == [])
  }

  @Test func nothingIsWrittenIfNothingWasChanged() throws {
    let before = try TestStore.checksum(of: disk.root(of: 2))
    #expect(try disk.start(2) == StartResult(status: 0))
    #expect(try TestStore.checksum(of: disk.root(of: 2)) == before)
    #expect(try disk.bases == ["2.1"])
    #expect(try disk.ran == "ran=2\n")
  }

  /// The new one is tried, changed there, the old one runs and is changed too, and the new one is tried again.
  @Test func bothSidesAreKeptUntilTheDeploymentIsGood() throws {
    try disk.start(2)
    try runSuccessfully(["sh", "-ec", "echo 2 >>\(disk.etc(of: 2))/both; echo two >\(disk.etc(of: 2))/two"])
    try disk.start(1)
    try runSuccessfully(["sh", "-ec", Self.changes, disk.etc(of: 1).string])
    try runSuccessfully(["sh", "-ec", "echo 1 >>\(disk.etc(of: 1))/both"])
    let result = try disk.start(2)
    #expect(
      result.sentences == [
        "/etc/both: changed here and by the new generation; yours stays, the new one is /etc/both.ast.dpkg-dist"
      ])
    #expect(try changed(in: 2) == Self.expected)
    #expect(try disk.read("both", of: 2) == "a\n1\n")
    #expect(try disk.read("both.ast.dpkg-dist", of: 2) == "a\n2\n")
    #expect(try disk.read("two", of: 2) == "two\n")
  }

  @Test func aGoodDeploymentStartsWithItsOwnButPeopleFollow() throws {
    try disk.start(2)
    try disk.markGood(2)
    try runSuccessfully(["sh", "-ec", Self.changes, disk.etc(of: 2).string])
    try runSuccessfully([
      "sh", "-ec",
      "cd $0; echo sys:x:500:500::/:/bin/sh >>passwd; echo sys:hash:1:::::: >>shadow; echo sys:x:500: >>group",
      disk.etc(of: 2).string,
    ])
    try disk.start(1)
    #expect(
      try changed(in: 1) == Array(Self.expected.dropLast(2)) + ["a", "a", "deleted"])
    #expect(try disk.lines(of: "shadow", in: 1).contains("sys:!*:::::::"))
    #expect(try disk.lines(of: "passwd", in: 1).contains("sys:x:500:500::/:/bin/sh"))
    // Who is deleted there is deleted here as well.
    try runSuccessfully(["sed", "-i", "/^ann:/d", "\(disk.etc(of: 1))/passwd", "\(disk.etc(of: 1))/shadow"])
    try disk.start(2)
    #expect(try !disk.lines(of: "passwd", in: 2).contains { $0.hasPrefix("ann:") })
    #expect(try disk.lines(of: "passwd", in: 2).contains { $0.hasPrefix("bob:") })
    #expect(try disk.read("edited", of: 2) == "b\n")
  }

  /// What the other generation brought is not a change of the administrator.
  @Test func whatAnotherGenerationHasIsNotTakenForAChange() throws {
    try store.ast("run", "1", "sh", "-ec", "echo 3 >/etc/release; echo 3 >/etc/third").expectSuccess()
    try store.ast("deploy", "1").expectSuccess()
    try disk.start(3)
    try runSuccessfully(["sh", "-ec", Self.changes, disk.etc(of: 3).string])
    #expect(try disk.start(2) == StartResult(status: 0))
    #expect(try changed(in: 2) == Self.expected)
    #expect(try disk.read("release", of: 2) == "2\n")
    #expect(!FileManager.default.fileExists(atPath: disk.etc(of: 2).appending("third").string))
  }

  /// A deployment of an older ast has no stamp: it gets the accounts, and what it leaves is merged like any other's.
  @Test func aDeploymentWithoutAStampTakesPart() throws {
    try runSuccessfully(["rm", "-r", disk.etc(of: 1).appending(".ast").string])
    try disk.start(2)
    try runSuccessfully(["sh", "-ec", Self.changes, disk.etc(of: 2).string])
    try disk.start(1)
    #expect(try disk.lines(of: "shadow", in: 1).contains("bob:secret:2::::::"))
    #expect(try disk.read("edited", of: 1) == "a\n")
    try runSuccessfully(["sh", "-ec", "echo x >$0/mine", disk.etc(of: 1).string])
    #expect(try disk.start(2) == StartResult(status: 0))
    #expect(try changed(in: 2) == Self.expected)
    #expect(try disk.read("mine", of: 2) == "x\n")
  }

  @Test func aProtectedEtcIsLeftAndTheNextStartTriesAgain() throws {
    try runSuccessfully(["sh", "-ec", Self.changes, disk.etc(of: 1).string])
    try runSuccessfully(["chattr", "+i", disk.etc(of: 2).string])
    let before = try TestStore.checksum(of: disk.root(of: 2))
    let result = try disk.start(2)
    #expect(result.status == 1)
    #expect(result.failure?.contains("Operation not permitted") == true, "\(result)")
    try runSuccessfully(["chattr", "-i", disk.etc(of: 2).string])
    #expect(try disk.ran == "ran=2\nfrom=1\n")
    try runSuccessfully(["sh", "-ec", "cd $0; chattr -i etc.new; rm -r etc.new", disk.root(of: 2).string])
    #expect(try TestStore.checksum(of: disk.root(of: 2)) == before)
    #expect(try disk.start(2) == StartResult(status: 0))
    #expect(try changed(in: 2) == Self.expected)
  }

  @Test func aFullDiskLeavesEtcAsItWas() throws {
    try runSuccessfully(["sh", "-ec", Self.changes, disk.etc(of: 1).string])
    let before = try TestStore.checksum(of: disk.etc(of: 2))
    try disk.fill(leaving: 0)
    let result = try disk.start(2)
    if result.status != 0 {
      #expect(try TestStore.checksum(of: disk.etc(of: 2)) == before)
      #expect(result.failure?.isEmpty == false)
    }
    try disk.empty()
    #expect(try disk.start(2).status == 0)
    #expect(try changed(in: 2) == Self.expected)
  }

  /// What is special in an /etc stays: hard links, protected files, files without copy on write, FIFOs, subvolumes.
  @Test func theCopyKeepsEverything() throws {
    let etc = disk.etc(of: 2)
    try runSuccessfully([
      "sh", "-ec",
      """
      cd "$0"; echo text >one; ln one two; mkdir nocow; chattr +C nocow; echo text >nocow/file; mkfifo fifo; mkdir -m 1777 sticky
      echo text >set-id; chown daemon set-id; chmod 6755 set-id; python3 -c '
      import os
      os.setxattr("one", "user.note", b"x")
      acl = "02000000 01000600ffffffff 0200040001000000 04000400ffffffff 10000400ffffffff 20000400ffffffff"
      os.setxattr("one", "system.posix_acl_access", bytes.fromhex(acl))'
      btrfs -q subvolume create sub; echo text >sub/file; echo x >locked; chattr +i locked; touch -d 1969-01-01 old
      chattr +c sticky
      """, etc.string,
    ])
    let before = try disk.listing(of: etc)
    try runSuccessfully(["sh", "-ec", "echo new >$0/new", disk.etc(of: 1).string])
    #expect(try disk.start(2) == StartResult(status: 0))
    #expect(try disk.read("new", of: 2) == "new\n")
    try runSuccessfully(["rm", "\(etc)/new"])
    #expect(try disk.listing(of: etc) == before)
    #expect(!FileManager.default.fileExists(atPath: "\(disk.root(of: 2))/etc.new"))
    try runSuccessfully(["chattr", "-i", "\(etc)/locked"])
  }

  @Test func protectedFilesComeAlongProtected() throws {
    try runSuccessfully(["sh", "-ec", "cd $0; echo x >fixed; chattr +i fixed", disk.etc(of: 1).string])
    try disk.start(2)
    #expect(try isProtected("fixed", in: 2))
    try store.ast("deploy", "1").expectSuccess()
    #expect(try isProtected("fixed", in: 3))
    #expect(try disk.read("fixed", of: 3) == "x\n")
    // Who protects it no longer, and changes it, finds that as well.
    try runSuccessfully(["sh", "-ec", "cd $0; chattr -i fixed; echo y >fixed", disk.etc(of: 2).string])
    try disk.start(3)
    #expect(try !isProtected("fixed", in: 3))
    #expect(try disk.read("fixed", of: 3) == "y\n")
  }

  private func isProtected(_ file: String, in deployment: Int) throws -> Bool {
    let listed = try runSuccessfully(["lsattr", "-d", disk.etc(of: deployment).appending(file).string])
    return listed.prefix { $0 != " " }.contains("i")
  }

  @Test func nothingThatAMergeStillNeedsIsDeleted() throws {
    try store.ast("run", "1", "true").expectSuccess()
    try store.ast("deploy", "1").expectSuccess()
    try store.ast("gc", "-y").expectSuccess()
    #expect(try disk.bases == ["2.1", "3.1"])
    #expect(FileManager.default.fileExists(atPath: disk.root(of: 1).string))
    try disk.markGood(2)
    try store.ast("tmp").expectSuccess()
    #expect(try disk.bases == ["3.1"])
  }

  /// An older ast may delete it: that must not keep others from starting.
  @Test func whatRanLastMayBeGone() throws {
    try disk.start(2)
    try disk.markGood(2)
    try store.ast("run", "1", "true").expectSuccess()
    try store.ast("deploy", "1").expectSuccess()
    try runSuccessfully(["btrfs", "-q", "subvolume", "delete", disk.root(of: 2).string])
    let before = try TestStore.checksum(of: disk.root(of: 3))
    let result = try disk.start(3)
    #expect(result.status == 0 && result.failure == nil, "\(result)")
    #expect(
      result.sentences == ["deployment 2 ran last and is gone: what was changed while it ran did not come along"])
    #expect(try TestStore.checksum(of: disk.root(of: 3)) == before)
    #expect(try disk.ran == "ran=3\n")
    #expect(try disk.bases == ["3.1"])
    #expect(try disk.start(3) == StartResult(status: 0))
  }

  /// Nothing is taken for deleted because a whole /etc is gone.
  @Test func anEmptyEtcIsNotMerged() throws {
    try runSuccessfully(["sh", "-ec", "rm -r $0; mkdir $0", disk.etc(of: 1).string])
    let before = try TestStore.checksum(of: disk.root(of: 2))
    #expect(try disk.start(2).failure == "deployment 1 has no /etc/passwd")
    #expect(try TestStore.checksum(of: disk.root(of: 2)) == before)
  }

  /// Killed anywhere, and started again: as if it had not been killed.
  @Test func killedAnywhereItIsDoneAtTheNextStart() throws {
    try runSuccessfully(["sh", "-ec", Self.changes, disk.etc(of: 1).string])
    let home = disk.path(of: "@home").string
    let restoring = """
      cd "$0"; if [ -e "$1/root" ]; then
        btrfs -q subvolume delete deploy/2/root bases/*; cp "$1/ran" ast/ran
        btrfs -q subvolume snapshot "$1/root" deploy/2/root; btrfs -q subvolume snapshot -r "$1/base" bases/2.1
      else
        cp ast/ran "$1"; btrfs -q subvolume snapshot deploy/2/root "$1/root"; btrfs -q subvolume snapshot -r bases/2.1 "$1/base"
      fi
      """
    let saveOrRestore = ["sh", "-ec", restoring, store.root.string, home]
    try runSuccessfully(saveOrRestore)
    let trace = disk.path(of: "@home").appending("trace")
    try disk.start(2, environment: ["AST_FAIL_TRACE": trace.string])
    let points = try String(contentsOfFile: trace.string, encoding: .utf8).split(separator: "\n")
    let names = try String(contentsOfFile: trace.string, encoding: .utf8)
    for name in ["leftover removed", "base made", "etc copied", "etc made", "etc exchanged", "start noted"] {
      #expect(names.contains(name))
    }
    let made = try changed(in: 2) + [disk.contents(of: 2)]
    for index in points.indices {
      try runSuccessfully(saveOrRestore)
      let killed = try disk.start(2, environment: ["AST_FAIL_AT": "\(index + 1)"])
      #expect(killed.status == 137, "\(points[index])")
      #expect(try disk.start(2).status == 0)
      #expect(try changed(in: 2) + [disk.contents(of: 2)] == made, "\(points[index])")
      #expect(try !FileManager.default.contentsOfDirectory(atPath: disk.root(of: 2).string).contains("etc.new"))
      #expect(try disk.bases.count == 1, "\(points[index])")
    }
  }
}
