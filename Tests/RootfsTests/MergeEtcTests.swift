import Btrfs
import Etc
import Host
import FoundationEssentials
import Glibc
import SystemPackage
import TestSupport
import Testing

@testable import Rootfs

@Suite("Merging /etc", .requiresRoot)
struct MergeEtcTests {
  @Test func bothSidesComeTogether() throws {
    let trees = try EtcTrees(
      pristine:
        "echo a >same; echo a >here; echo a >there; echo a >both; echo a >gone; mkdir d; echo a >d/f; ln -s a l",
      live: "echo b >here; echo b >both; rm gone; mkdir d/e; echo b >d/e/mine; chmod 600 d/f; ln -sf b l",
      new: "echo c >there; echo c >both; echo c >d/f; mkdir n; echo c >n/new")
    let report = try trees.merge()
    #expect(
      try trees.listing() == [
        "-644 0:0 both b\\n", "-644 0:0 both.ast.dpkg-dist c\\n", "d755 0:0 d", "-644 0:0 here b\\n", "l777 0:0 l -> b",
        "d755 0:0 n", "-644 0:0 same a\\n", "-644 0:0 there c\\n", "d755 0:0 d/e", "-600 0:0 d/f c\\n",
        "-644 0:0 d/e/mine b\\n", "-644 0:0 n/new c\\n",
      ])
    #expect(
      report.sentences == [
        "/etc/both: changed here and by the new generation; yours stays, the new one is /etc/both.ast.dpkg-dist"
      ])
    #expect((report.taken, report.removed, report.merged) == (4, 1, 1))
  }

  @Test func ownersAttributesAndTimesAreKept() throws {
    let trees = try EtcTrees(
      pristine: "touch f; mkdir d; ln -s a l",
      live: """
        echo secret >f; chown 12:34 f; chmod 4750 f; xattr f system.posix_acl_access \(Self.list)
        xattr f user.note 74657874; xattr l trusted.note 74657874; chown -h 5:6 l
        touch -d '2001-02-03 04:05:06.789' f
        echo x >capable; chown 3:4 capable; xattr capable security.capability 0100000200040000000000000000000000000000
        echo y >d/plain; chmod 2770 d; chgrp 9 d; xattr d system.posix_acl_default \(Self.list)
        mknod -m 620 null c 1 3; mkfifo -m 640 fifo
        python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("socket")'; chmod 600 socket
        ln f second
        """)
    try trees.merge()
    #expect(try trees.listing() == EtcTrees.listing(of: trees.live.appending("etc")))
    let times = try [trees.live, trees.staged].map { root in
      try runSuccessfully(["stat", "--format=%y", root.appending("etc/f").string])
    }
    #expect(times[0] == times[1])
    #expect(times[0].hasPrefix("2001-02-03 04:05:06.789"))
  }

  /// What chattr(1) protects is merged like everything else, and protected afterwards if the side says so that wins.
  @Test func protectedFilesAreMergedAndProtected() throws {
    let trees = try EtcTrees(
      pristine: """
        echo a >mine; echo a >log; mkdir d; echo a >d/f; chattr +i mine d/f d; chattr +a log; echo a >plain; echo a >free
        chattr +i free
        """,
      live: """
        chattr -i mine d d/f free; chattr -a log; echo b >mine; rm log; echo b >d/f; echo b >d/g; chattr +i mine d/f d plain
        """,
      new: "echo c >fixed; chattr +i fixed; echo c >other")
    let merge = try MergeEtc(from: EtcSource(root: trees.live, pristine: trees.pristine), generation: trees.new)
    try merge.apply(to: trees.staged)
    try merge.protect(in: trees.staged)
    let found = try runSuccessfully([
      "bash", "-euc",
      "cd \"$1\"; for file in $(find . -mindepth 1 | LC_ALL=C sort); do echo $file $(lsattr -d $file | tr -dc ia | head -c 1)"
        + " $(cat $file 2>/dev/null); done", "bash", trees.staged.appending("etc").string,
    ])
    #expect(
      found.split(separator: "\n") == [
        "./d i", "./d/f i b", "./d/g b", "./fixed i c", "./free a", "./mine i b", "./other c", "./plain i a",
      ])
  }

  /// user::rw-, user:77:rw-, group::---, mask::rw-, other::--- (linux/posix_acl_xattr.h).
  private static let list =
    "02000000" + "01000600ffffffff" + "020006004d000000" + "04000000ffffffff" + "10000600ffffffff" + "20000000ffffffff"

  @Test func takenFilesShareTheirSpace() throws {
    let trees = try EtcTrees(pristine: "", live: "seq 200000 >large")
    try trees.merge()
    try FileSystem.sync(trees.staged)
    #expect(try Subvolume(at: trees.staged).usage().exclusive < 1 << 17)
  }

  @Test func namesAreBytes() throws {
    let long = String(repeating: "x", count: 255)
    let trees = try EtcTrees(
      pristine: "echo a >$'\\xff\\n'; echo a >\(long); mkdir $'d\\xfe'",
      live: "echo b >$'\\xff\\n'; echo b >\(long); echo b >$'d\\xfe/\\xe9'; ln -s $'\\xff' $'l\\xff'",
      new: "echo c >\(long)")
    let report = try trees.merge()
    #expect(
      try trees.listing() == [
        "d755 0:0 d\\xfe", "l777 0:0 l\\xff -> \\xff", "-644 0:0 \(long.dropLast(14)).ast.dpkg-dist c\\n",
        "-644 0:0 \(long) b\\n", "-644 0:0 \\xff\\n b\\n", "-644 0:0 d\\xfe/\\xe9 b\\n",
      ])
    #expect(report.conflicts.map(\.path.string) == ["/etc/\(long)"])
  }

  /// A directory in one tree that is a link out of it in another one.
  @Test func linksLeadNowhere() throws {
    let outside = try LoopBtrfs.shared.newDirectory()
    try runSuccessfully(["bash", "-euc", "cd \"$1\"; echo a >f; echo a >g; chmod 600 f", "bash", outside.string])
    let before = try Self.state(of: outside)
    let link = "ln -s \(outside)"
    let trees = try EtcTrees(
      pristine: "mkdir here there both top; for d in here there both top; do echo a >$d/f; done",
      live:
        "rm -r here both; \(link) here; \(link) both; echo b >there/f; chmod 700 there; \(link) added; echo c >top/f",
      new: "rm -r there both; \(link) there; ln -s /proc both; echo b >here/g; rm -r top; \(link)/f top")
    let report = try trees.merge()
    #expect(
      try trees.listing() == [
        "l777 0:0 added -> \(outside)", "l777 0:0 both -> \(outside)", "l777 0:0 both.ast.dpkg-dist -> /proc",
        "l777 0:0 here -> \(outside)", "d755 0:0 here.ast.dpkg-dist", "d700 0:0 there",
        "l777 0:0 there.ast.dpkg-dist -> \(outside)", "d755 0:0 top", "l777 0:0 top.ast.dpkg-dist -> \(outside)/f",
        "-644 0:0 here.ast.dpkg-dist/f a\\n", "-644 0:0 here.ast.dpkg-dist/g b\\n", "-644 0:0 there/f b\\n",
        "-644 0:0 top/f c\\n",
      ])
    #expect(report.conflicts.map(\.path.string) == ["/etc/both", "/etc/here", "/etc/there", "/etc/top"])
    #expect(try Self.state(of: outside) == before)
  }

  private static func state(of directory: FilePath) throws -> String {
    try runSuccessfully(["find", directory.string, "-printf", "%p %y %m %U:%G %s %T@ %C@\\n"])
  }

  /// A link that replaces a directory of the staged tree after the decision.
  @Test(arguments: ["d", "d/e"]) func aLinkInTheStagedTreeIsNotFollowed(place: String) throws {
    let outside = try LoopBtrfs.shared.newDirectory()
    try runSuccessfully(["mkdir", outside.appending("e").string])
    let trees = try EtcTrees(pristine: "mkdir -p d/e; echo a >d/e/f", live: "echo b >d/e/f; rm -f d/e/g")
    let merge = try MergeEtc(from: EtcSource(root: trees.live, pristine: trees.pristine), generation: trees.new)
    try EtcTrees.change(trees.staged, "rm -r \(place); ln -s \(outside) \(place)")
    #expect(throws: AstError.self) { try merge.apply(to: trees.staged) }
    #expect(try runSuccessfully(["find", outside.string, "-type", "f"]) == "")
  }

  @Test func etcIsNoLink() throws {
    let outside = try LoopBtrfs.shared.newDirectory()
    let trees = try EtcTrees(pristine: "touch f", live: "touch g")
    try runSuccessfully([
      "sh", "-euc", "rm -r \"$1\"; ln -s \"$2\" \"$1\"", "sh", trees.live.appending("etc").string, outside.string,
    ])
    let error = #expect(throws: AstError.self) { try trees.merge() }
    #expect(error?.message == "\(trees.live)/etc is not a directory; nothing was changed")
  }

  @Test func anImmutableFileIsTold() throws {
    let trees = try EtcTrees(pristine: "echo a >f", live: "echo b >f")
    let merge = try MergeEtc(from: EtcSource(root: trees.live, pristine: trees.pristine), generation: trees.new)
    try EtcTrees.change(trees.staged, "chattr +i f")
    let error = #expect(throws: AstError.self) { try merge.apply(to: trees.staged) }
    try EtcTrees.change(trees.staged, "chattr -i f")
    #expect(error?.message == "cannot replace \(trees.staged)/etc/f: Operation not permitted")
    #expect(error?.hint == "`lsattr -d` shows whether it or its directory is immutable; `chattr -ia` changes that")
  }

  @Test func accountsAreMergedAndBackedUp() throws {
    let trees = try EtcTrees(
      pristine: """
        printf '%s\\n' root:x:0:0:root:/root:/bin/sh alice:x:1000:1000::/home/alice:/bin/sh bob:x:1001:1001::/:/bin/sh >passwd
        printf '%s\\n' root:x:0: alice:x:1000: bob:x:1001: >group
        printf '%s\\n' 'root:*:1::::::' 'alice:*:1::::::' 'bob:*:1::::::' >shadow; chmod 640 shadow; chgrp 42 shadow
        """,
      live: """
        sed -i 's/^alice:\\*/alice:secret/' shadow; chmod 640 shadow; chgrp 42 shadow
        echo carol:x:1002:1002::/:/bin/sh >>passwd; echo carol:x:1002: >>group; echo 'carol:!:1::::::' >>shadow
        """,
      new:
        "sed -i '/^alice\\|^bob/d' passwd group shadow; chmod 640 shadow; chgrp 42 shadow; echo new:x:100:100::/:/bin/sh >>passwd"
    )
    let report = try trees.merge()
    #expect(
      report.sentences == [
        "user alice is kept: changed here, and no longer in the new generation",
        "user bob is removed: the new generation has no such user", "the line of user new in /etc/shadow was corrected",
        "group bob is removed: the new generation has no such group",
      ])
    let root = "root:x:0:0:root:/root:/bin/sh\\n"
    let alice = "alice:x:1000:1000::/home/alice:/bin/sh\\n"
    let carol = "carol:x:1002:1002::/:/bin/sh\\n"
    #expect(
      try trees.listing() == [
        "-644 0:0 group root:x:0:\\nalice:x:1000:\\ncarol:x:1002:\\n",
        "-644 0:0 group- root:x:0:\\nalice:x:1000:\\nbob:x:1001:\\ncarol:x:1002:\\n",
        "-644 0:0 passwd \(root)new:x:100:100::/:/bin/sh\\n\(alice)\(carol)",
        "-644 0:0 passwd- \(root)\(alice)bob:x:1001:1001::/:/bin/sh\\n\(carol)",
        "-640 0:42 shadow root:*:1::::::\\nalice:secret:1::::::\\ncarol:!:1::::::\\nnew:!*:::::::\\n",
        "-640 0:42 shadow- root:*:1::::::\\nalice:secret:1::::::\\nbob:*:1::::::\\ncarol:!:1::::::\\n",
      ])
  }

  @Test func programsReadTheSame() throws {
    let trees = try EtcTrees(
      pristine: "echo a >f; echo bob:x:1001:1001::/:/bin/sh >passwd", live: "echo b >f; touch g",
      new: "echo c >f; >passwd")
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    #expect(
      String(decoding: try encoder.encode(try trees.merge()), as: UTF8.self) == """
        {"accounts":[{"kind":"user","message":"user bob is removed: the new generation has no such user","names":["bob"],\
        "remark":"gone"}],"conflicts":[{"aside":"/etc/f.ast.dpkg-dist","path":"/etc/f","reason":"changedOnBoth"}],\
        "merged":1,"removed":0,"taken":1}
        """)
  }

  @Test(arguments: ["rm passwd; ln -s /etc/shells passwd", "rm shadow; mkdir shadow", "rm group; mkfifo group"])
  func anAccountFileThatIsNoneIsRefused(live: String) throws {
    let trees = try EtcTrees(pristine: "touch passwd shadow group", live: live)
    let error = #expect(throws: AstError.self) { try trees.merge() }
    #expect(error?.message.hasSuffix(" is not a file of a sensible size; nothing was changed") == true)
  }

  @Test func aSystemThatLostItsAccountsKeepsThem() throws {
    let trees = try EtcTrees(pristine: "echo root:x:0:0::/:/bin/sh >passwd", live: "rm passwd", new: "touch f")
    try trees.merge()
    #expect(try trees.listing() == ["-644 0:0 f ", "-644 0:0 passwd root:x:0:0::/:/bin/sh\\n"])
  }

  @Test func aFreshEtcHasOnlyTheMachinesOwn() throws {
    let trees = try EtcTrees(
      pristine: "echo a >f", live: "echo b >f; echo b >hostname; echo b >g", new: "echo c >hostname")
    try trees.merge(.fresh)
    #expect(try trees.listing() == ["-644 0:0 f a\\n", "-644 0:0 hostname b\\n"])
  }

  @Test func withoutADeploymentNothingIsDone() throws {
    let trees = try EtcTrees(pristine: "echo a >f", new: "echo b >f")
    let merge = try MergeEtc(from: nil, generation: trees.new)
    try merge.apply(to: trees.staged)
    #expect(try trees.listing() == ["-644 0:0 f b\\n"])
    #expect(merge.report.sentences == [])
  }

  @Test func aGenerationWithoutEtcGetsWhatWasMadeHere() throws {
    let trees = try EtcTrees(pristine: "", live: "echo b >f; chmod 750 .", new: "rmdir ../etc")
    try trees.merge()
    #expect(try trees.listing() == ["-644 0:0 f b\\n"])
    #expect(try runSuccessfully(["stat", "--format=%a", trees.staged.appending("etc").string]) == "750\n")
  }

  /// In the live /etc something is mounted: what lies under it is what counts.
  @Test func whatIsMountedInEtcIsNotPartOfIt() throws {
    let trees = try EtcTrees(pristine: "mkdir d; echo a >f; echo a >other", live: "echo b >f; echo b >d/under")
    let etc = trees.live.appending("etc")
    let script = """
      mount --bind "$1" "$1"; mount -t tmpfs none "$1/d"; echo x >"$1/d/x"; mount --bind "$1/other" "$1/f"
      """
    try runSuccessfully(["sh", "-euc", script, "sh", etc.string])
    defer { _ = try? runSuccessfully(["umount", "--recursive", etc.string]) }
    try trees.merge()
    #expect(
      try trees.listing() == ["d755 0:0 d", "-644 0:0 f b\\n", "-644 0:0 other a\\n", "-644 0:0 d/under b\\n"])
  }

  /// As on trial: changes live in memory, over the generation.
  @Test func theLiveEtcMayBeAnOverlay() throws {
    let trees = try EtcTrees(pristine: "echo a >f; echo a >gone; mkdir d; echo a >d/f; echo a >same; ln -s a l")
    let etc = trees.live.appending("etc")
    let script = """
      mkdir "$2"; mount -t tmpfs none "$2"; mkdir "$2/upper" "$2/work"
      mount -t overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" none "$1"
      cd "$1"; echo b >f; rm gone; chmod 600 d/f; seq 20000 >large; ln -sf b l; mkfifo -m 600 fifo
      touch -d '2001-02-03 04:05:06.789' f
      """
    let memory = trees.directory.appending("memory")
    try runSuccessfully(["sh", "-euc", script, "sh", etc.string, memory.string])
    defer { for place in [etc, memory] { _ = try? runSuccessfully(["umount", "--lazy", place.string]) } }
    try trees.merge()
    #expect(try trees.listing() == EtcTrees.listing(of: etc))
    #expect(try trees.listing().contains("-600 0:0 d/f a\\n"))
    let time = try runSuccessfully(["stat", "--format=%y", trees.staged.appending("etc/f").string])
    #expect(time.hasPrefix("2001-02-03 04:05:06.789"))
  }

  /// Running programs change their files while they are read.
  @Test func filesThatComeAndGoDoNotMatter() throws {
    let trees = try EtcTrees(pristine: "for i in {1..50}; do echo a >f$i; done; mkdir d; echo a >d/f")
    let script = """
      cd "$1"; while :; do
        for i in 1 20 50; do echo a >t$i; mkdir t; ln -s x t/l; echo b >new; mv new f$i; rm -r t t$i; done
      done
      """
    let writer = try StartedCommand(["sh", "-uc", script, "sh", trees.live.appending("etc").string])
    for _ in 1...50 {
      let node = try EtcTree.read([trees.pristine, trees.live, trees.new])[1].node
      #expect(node.children?.keys.count { $0.string.hasPrefix("f") } == 50)
      #expect(node["d/f"] != nil)
    }
    #expect(writer.isRunning)
    writer.send(SIGKILL)
    _ = try writer.wait()
  }

  @Test(arguments: ["", "uninitialized\n", "0123456789abcdef0123456789abcdeF\n", "00000000000000000000000000000000\n"])
  func aMachineWithoutAnIdGetsOne(content: String) throws {
    let trees = try EtcTrees(pristine: "printf '\(content)' >machine-id; mkdir -p x; ln -sf /x hostname")
    try MachineIdentity.complete(in: trees.staged)
    let id = try Data(contentsOf: URL(filePath: trees.staged.appending("etc/machine-id").string))
    #expect(MachineIdentity.isValid(Array(id)) && id.count == 33 && id[12] == UInt8(ascii: "4"))
    let before = try trees.listing()
    #expect(before[1].hasPrefix("-444 0:0 machine-id "))
    try MachineIdentity.complete(in: trees.staged)
    #expect(try trees.listing() == before)
  }

  @Test(arguments: ["ln -s /etc/hostname machine-id", "mkdir -p machine-id/x", "ln -s nothing machine-id"])
  func whatIsNoMachineIdIsReplaced(script: String) throws {
    let trees = try EtcTrees(pristine: script)
    try MachineIdentity.complete(in: trees.staged)
    #expect(try trees.listing().first?.hasPrefix("-444 0:0 machine-id ") == true)
  }

  /// Only the data of a file are compared, and not its holes: reading them takes an hour.
  @Test func aTerabyteOfHolesIsComparedAtOnce() throws {
    let change = "printf x | dd of=big bs=1 seek=900000000000 conv=notrunc status=none"
    let trees = try EtcTrees(
      pristine: "truncate -s 1T big; truncate -s 1T same", live: change, new: "rm same; truncate -s 1T same")
    let source = EtcSource(root: trees.live, pristine: trees.pristine)
    try MergeEtc(from: source, generation: trees.new, mode: .merge).apply(to: trees.staged)
    let big = trees.staged.appending("etc/big")
    #expect(
      try runSuccessfully(["dd", "if=\(big)", "bs=1", "skip=900000000000", "count=2", "status=none"])
        == "x\u{0}")
    try runSuccessfully(["rm", big.string])
  }

  /// The time grows with the number of directories, and not with its square.
  @Test func deepDirectoriesTakeNoLongerEach() throws {
    let deep = Array(repeating: "d", count: 300).joined(separator: "/")
    let trees = try EtcTrees(
      pristine: "mkdir -p \(deep); touch \(deep)/here", live: "echo changed >\(deep)/here", new: "touch \(deep)/more")
    let source = EtcSource(root: trees.live, pristine: trees.pristine)
    try MergeEtc(from: source, generation: trees.new, mode: .merge).apply(to: trees.staged)
    #expect(try runSuccessfully(["cat", trees.staged.appending("etc/\(deep)/here").string]) == "changed\n")
    try runSuccessfully(["test", "-e", trees.staged.appending("etc/\(deep)/more").string])
  }
}
