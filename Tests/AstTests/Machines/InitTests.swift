import SystemPackage
import TestSupport
import Testing

@Suite("Init", .requiresRoot)
struct InitTests {
  private func ast(_ arguments: [String], in directory: FilePath? = nil) throws -> CommandResult {
    try run([AstBinary.path.string] + arguments, in: directory)
  }

  private func shell(_ script: String, _ arguments: FilePath..., in directory: FilePath? = nil) throws -> String {
    try runSuccessfully(["sh", "-c", script, "sh"] + arguments.map(\.string), in: directory)
  }

  private func content(_ store: FilePath) -> FilePath { store.appending("nodes/0/1") }

  /// Like a checksum, including all times.
  private func fingerprint(_ directory: FilePath) throws -> String {
    let times = try shell("cd \"$1\" && find . -printf '%P %T@\\n' | LC_ALL=C sort", directory)
    return try times + TestStore.checksum(of: directory)
  }

  /// Without it, neither the store nor its image is made.
  @Test func whatMakesTheBaseIsNeededFirst() throws {
    let place = try LoopBtrfs.shared.newDirectory()
    let (store, image) = (place.appending("store"), place.appending("image"))
    let hide = "mount --bind /dev/null /usr/bin/mmdebstrap && exec \"$@\""
    // On a machine that runs node 7 of another store.
    let deployed = "mkdir -p /run/ast && mount -t tmpfs none /run/ast && echo AST_NODE=7 >/run/ast/current && \(hide)"
    let running = try run(
      ["unshare", "--mount", "sh", "-c", deployed, "sh", AstBinary.path.string, "--store", store.string, "init"])
    #expect(running.stderr.lines.last == "     `ast install --live 7 mmdebstrap`", "\(running)")
    let other = try TestStore()
    let status = try run(
      ["unshare", "--mount", "sh", "-c", deployed, "sh", AstBinary.path.string, "--store", other.root.string, "status"])
    #expect(status.stdout.lines.contains { $0.hasPrefix("Booted:") && $0.hasSuffix(" node 7 of another store") })
    for options in [["--image", image.string, "--size", "1G"], []] {
      let result = try run(
        ["unshare", "--mount", "sh", "-c", hide, "sh", AstBinary.path.string, "--store", store.string, "init"] + options
      )
      #expect(result.status == 1)
      #expect(
        result.stderr
          == "ast: mmdebstrap cannot be found; nothing was changed\n     apt-get install mmdebstrap\n", "\(result)")
      #expect(try shell("ls \"$1\"", place) == "")
    }
  }

  /// The network of nodes reaches nothing of the machine that the settings do not open.
  @Test func aProxyOnTheMachineIsProposed() throws {
    let place = try LoopBtrfs.shared.newDirectory()
    _ = try shell(
      """
      cp -a "$2" "$1/root"; mkdir -p "$1/root/etc/apt/apt.conf.d"
      echo 'Acquire::http::Proxy "http://127.0.0.1:3142";' >"$1/root/etc/apt/apt.conf.d/01proxy"
      echo 'network.loopback = [53]' >"$1/closed"; echo 'network.loopback = [3142]' >"$1/open"
      echo 'network.isolation = "off"' >"$1/off"
      """, place, try TinyRoot.path)
    for (settings, isProposed) in [("closed", true), ("open", false), ("off", false)] {
      let root = try LoopBtrfs.shared.newDirectory()
      let result = try run(
        [AstBinary.path.string, "init", "--store", root.string, "--directory", "\(place)/root"],
        environment: plainEnvironment.merging(["AST_CONFIG": "\(place)/\(settings)"]) { $1 }
      ).expectSuccess()
      #expect(
        result.stderr.contains(
          """
          ast: warning: the apt of node 0 uses a proxy on this machine, which is closed to nodes: \
          set network.loopback = [53, 3142] in /etc/ast/ast.toml
          """) == isProposed, "\(settings): \(result)")
    }
  }

  @Test func aDirectoryOrAnArchiveGivesTheSameTreeEveryTime() throws {
    let place = try LoopBtrfs.shared.newDirectory()
    let tiny = try TinyRoot.path
    _ = try shell(
      """
      cd "$2" && tar --create --format=posix --file "$1/a:b.tar" --force-local . && gzip --keep "$1/a:b.tar" && zstd --quiet "$1/a:b.tar" &&
      cp "$1/a:b.tar.gz" "$1/-no name"
      """, place, tiny)
    let before = try TestStore.checksum(of: tiny)
    var fingerprints: Set<String> = []
    let sources = [
      ["--directory", tiny.string], ["--tarball", "\(place)/a:b.tar"], ["--tarball", "a:b.tar"],
      ["--tarball=./a:b.tar.gz"], ["--tarball", "\(place)/a:b.tar.zst"], ["--tarball=-no name"],
    ]
    for source in sources {
      let root = try LoopBtrfs.shared.newDirectory()
      let result = try ast(["init", "--store", root.string] + source, in: place).expectSuccess()
      #expect(result.stdout == "Store \(root) made, with node 0.\n")
      fingerprints.insert(try fingerprint(content(root)))
      let tree = try ast(["tree", "--store", root.string])
      #expect(tree.stdout == "root\n└── 0*- base snapshot\n")
      #expect(try ast(["doctor", "--store", root.string]).expectSuccess().stdout == "")
    }
    #expect(fingerprints.count == 1)
    #expect(try TestStore.checksum(of: tiny) == before)
  }

  /// A root with a hardened umask makes the same nodes, and users can read the same.
  @Test(arguments: ["077", "027"]) func theUmaskIsNotPartOfTheResult(umask: String) throws {
    let (plain, hardened) = (try LoopBtrfs.shared.newDirectory(), try LoopBtrfs.shared.newDirectory())
    for (store, umask) in [(plain, "022"), (hardened, umask)] {
      let commands = ["init --directory \(try TinyRoot.path)", "clone 0", "run 1 touch /new"]
      for command in commands {
        _ = try runSuccessfully(
          ["sh", "-c", "umask \(umask); \(AstBinary.path) --store \(store) \(command)"])
      }
    }
    let modes = "cd \"$1\" && find . -printf '%m %y %P\\n' | grep -v 'next-operation' | LC_ALL=C sort"
    #expect(try shell(modes, hardened) == shell(modes, plain))
  }

  @Test func theDirectoryOfTheStoreIsMade() throws {
    let place = try LoopBtrfs.shared.newDirectory()
    let source = ["--directory", try TinyRoot.path.string]
    let deep = try ast(["init", "--store", "\(place)/no/store"] + source)
    #expect(deep.status == 3)
    #expect(deep.stderr == "ast: \(place)/no: No such file or directory; nothing was changed\n")
    #expect(try ast(["init", "--store", "\(place)/store", "--directory", "/nowhere"]).status == 3)
    #expect(try shell("ls \"$1\"", place) == "")
    try ast(["init", "--store", "store"] + source, in: place).expectSuccess()
    #expect(try ast(["doctor", "--store", "\(place)/store"]).expectSuccess().stdout == "")
  }

  @Test func aBaseThatIsANodeAlreadyStaysWhatItIs() throws {
    let first = try TestStore()
    let place = try LoopBtrfs.shared.newDirectory()
    _ = try shell("tar --directory \"$2\" --create --format=posix --file \"$1/node.tar\" .", place, content(first.root))
    for source in [["--directory", content(first.root).string], ["--tarball", "\(place)/node.tar"]] {
      let root = try LoopBtrfs.shared.newDirectory()
      try ast(["init", "--store", root.string] + source).expectSuccess()
      #expect(try fingerprint(content(root)) == fingerprint(content(first.root)), "\(source)")
    }
  }

  /// The layout that snapper's users have: parts of the root are subvolumes inside it.
  @Test func subvolumesInTheDirectoryAndAttributesOfChattrAreKept() throws {
    let place = try LoopBtrfs.shared.newDirectory()
    _ = try shell(
      """
      cd "$1" && cp --archive "$2" source && cd source && rm -rf opt usr/local && mkdir -p .snapshots/1
      for name in opt usr/local usr/local/inner; do btrfs -q subvolume create $name; done
      echo tool >usr/local/tool && echo app >usr/local/inner/app && chattr +i usr/local/tool && mkdir -p var/images
      chattr +C var/images && head -c 100k /dev/urandom >var/images/disk && truncate -s 100M var/hole
      """, place, try TinyRoot.path)
    let root = try LoopBtrfs.shared.newDirectory()
    try ast(["init", "--store", root.string, "--directory", "\(place)/source"]).expectSuccess()
    let base = content(root)
    let found = try shell(
      """
      cd "$1" && cat usr/local/tool usr/local/inner/app && test -d opt && test ! -e .snapshots && lsattr usr/local/tool |
      cut -c 5 && lsattr -d var/images var/images/disk | tr -d -- - && du -k var/hole | cut -f 1 &&
      cmp var/images/disk "$2/source/var/images/disk"
      """, base, place)
    #expect(found == "tool\napp\ni\nC var/images\nC var/images/disk\n0\n")
    try ast(["clone", "0", "--store", root.string]).expectSuccess()
    try ast(["run", "--store", root.string, "1", "touch", "/usr/local/inner/new"]).expectSuccess()
  }

  @Test func whatIsMountedInTheDirectoryIsNotForgotten() throws {
    let place = try LoopBtrfs.shared.newDirectory()
    _ = try shell(
      "cd \"$1\" && cp --archive \"$2\" source && mkdir -p source/srv source/proc && mount -t tmpfs own source/srv && mount -t proc proc source/proc",
      place, try TinyRoot.path)
    defer { _ = try? shell("umount \"$1/source/srv\" \"$1/source/proc\"", place) }
    let root = try LoopBtrfs.shared.newDirectory()
    let result = try ast(["init", "--store", root.string, "--directory", "\(place)/source"])
    #expect(result.status == 5)
    #expect(
      result.stderr.hasPrefix(
        "ast: \(place)/source/srv is a file system of its own, whose files would be missing in the base; nothing was changed"
      ),
      "\(result.stderr)")
    #expect(try shell("ls \"$1\"", root) == "")
    // What the kernel shows in /proc is not part of a base.
    _ = try shell("umount \"$1/source/srv\"", place)
    try ast(["init", "--store", root.string, "--directory", "\(place)/source"]).expectSuccess()
    #expect(try shell("ls \"$1/proc\"", content(root)) == "")
  }

  @Test func relativePathsAreTakenFromWhereItIsCalled() throws {
    let place = try LoopBtrfs.shared.newDirectory()
    _ = try shell("mkdir \"$1/store\" && cp --archive \"$2\" \"$1/source\"", place, try TinyRoot.path)
    try ast(["init", "--store", "store", "--directory", "source"], in: place).expectSuccess()
    #expect(try ast(["tree", "--store", "./store"], in: place).expectSuccess().stdout.lines.count == 2)
    try ast(["clone", "0", "--store", "../\(place.lastComponent?.string ?? "")/store"], in: place).expectSuccess()
    #expect(try ast(["run", "--store", "store", "1", "cat", "/etc/passwd"], in: place).expectSuccess().stdout != "")
  }

  @Test func whatCannotBeABaseIsRefusedAndInitCanBeRunAgain() throws {
    let place = try LoopBtrfs.shared.newDirectory()
    _ = try shell(
      """
      cd "$1" && mkdir empty other && touch other/file && tar --create --file other.tar other && echo no >garbage.tar
      head --bytes=10000 /dev/urandom >noise.tar && : >nothing.tar
      tar --create --file cut.tar --directory "$2" . && truncate --size=1M cut.tar
      """, place, try TinyRoot.path)
    let noBase = "the source for the base contains no dpkg database: it is not a Debian root file system"
    let cases: [(source: [String], status: Int32, sentence: String, isUntouched: Bool)] = [
      (["--tarball", "missing.tar"], 3, "cannot read missing.tar: No such file or directory", true),
      (["--directory", "missing"], 3, "cannot read missing: No such file or directory", true),
      (["--tarball", "empty"], 3, "empty is not a file", true),
      (["--directory", "garbage.tar"], 3, "garbage.tar is not a directory", true),
      (["--directory", "empty"], 5, noBase, false), (["--directory", "other"], 5, noBase, false),
      (["--tarball", "other.tar"], 5, noBase, false), (["--tarball", "garbage.tar"], 1, "`tar` failed", false),
      (["--tarball", "noise.tar"], 1, "`tar` failed", false), (["--tarball", "cut.tar"], 1, "`tar` failed", false),
      (["--tarball", "nothing.tar"], 1, "`tar` failed", false),
    ]
    let root = try LoopBtrfs.shared.newDirectory()
    for (source, status, sentence, isUntouched) in cases {
      let result = try ast(["init", "--quiet", "--store", root.string] + source, in: place)
      #expect(result.status == status, "\(source): \(result)")
      #expect(result.stderr.hasPrefix("ast: \(sentence)"), "\(source): \(result.stderr)")
      if isUntouched {
        #expect(try shell("ls --almost-all \"$1\"", root) == "", "\(source)")
      } else {
        #expect(try shell("ls --almost-all \"$1\"/nodes/*", root) == "", "\(source)")
      }
    }
    try ast(["init", "--store", root.string, "--directory", try TinyRoot.path.string]).expectSuccess()
    #expect(try ast(["doctor", "--store", root.string]).expectSuccess().stdout == "")
  }

  @Test func aSecondInitIsRefused() throws {
    let store = try TestStore()
    try store.ast("clone", "0").expectSuccess()
    let before = try store.state()
    for source in [[], ["--directory", "/nonexistent"], ["--directory", try TinyRoot.path.string]] {
      let result = try store.ast(["init"] + source)
      #expect(result.status == 5, "\(source)")
      #expect(
        result.stderr
          == "ast: there is a store at \(store.root) already; nothing was changed\n     `ast tree` shows it\n")
    }
    #expect(try store.state() == before)
  }

  @Test func aPlaceWithOtherThingsInItIsRefused() throws {
    let root = try LoopBtrfs.shared.newDirectory()
    _ = try shell("mkdir \"$1/photos\" && touch \"$1/nodes\"", root)
    let result = try ast(["init", "--store", root.string, "--directory", try TinyRoot.path.string])
    #expect(result.status == 5)
    #expect(
      result.stderr
        == "ast: \(root) is not empty and is not a store; nothing was changed\n     name an empty directory\n")
    #expect(try shell("ls --almost-all \"$1\"", root) == "nodes\nphotos\n")
    for (place, ground) in [("/nonexistent", "/"), ("/proc", "/proc"), ("/dev/null", "/dev/null")] {
      let result = try ast(["init", "--store", place, "--directory", try TinyRoot.path.string])
      #expect(result.status == 1)
      #expect(
        result.stderr.lines.first == "ast: \(ground) is not on a btrfs file system; nothing was changed",
        "\(result.stderr)")
    }
  }

  @Test func aHostileArchiveReachesNothingOutside() throws {
    let place = try LoopBtrfs.shared.newDirectory()
    let outside = place.appending("outside")
    _ = try shell(
      """
      mkdir -p "$2/dpkg" "$2/apt" "$2/debconf" "$2/apt.conf.d" && echo outside | tee "$2/dpkg/status" "$2/file" \
        "$2/apt/extended_states" >"$2/dpkg/available"
      """, place, outside)
    let before = try fingerprint(outside)
    // Entries that replace the tiny root's before it is packed; a link leads outside, by both kinds of path.
    let changes = [
      "mv var/lib rest; ln -s \"$O\" var/lib", "rm -r var; ln -s \"$O\" var", "mv usr/lib rest; ln -s \"$O\" usr/lib",
      "mkdir -p usr/lib; ln -s \"$O\" usr/lib/sysimage",
      "mkdir -p usr/lib/sysimage; ln -s \"$O\" usr/lib/sysimage/dpkg",
      "rm -r var/lib/dpkg; ln -s \"$O/dpkg\" var/lib/dpkg", "mkdir var/cache; ln -s \"$O/debconf\" var/cache/debconf",
      "mkdir -p etc/apt; ln -s \"$O/apt.conf.d\" etc/apt/apt.conf.d",
      "mkdir -p etc/apt/apt.conf.d; ln -s \"$O/file\" etc/apt/apt.conf.d/00ast-package-state",
      "mkdir -p etc/apt; ln -s \"$O/apt\" var/lib/apt", "ln -s \"$O\" var/lib/systemd",
      "mkdir var/cache; touch var/cache/debconf", "mkdir -p usr/lib/sysimage/dpkg",
    ]
    for (number, change) in changes.enumerated() {
      for target in [outside.string, "../../../../../../../../../../../..\(outside)"] {
        let archive = place.appending("\(number).tar")
        _ = try shell(
          """
          rm -rf "$1/work" && cp --archive --reflink "$2" "$1/work" && cd "$1/work" && O=$3 && { \(change); } &&
          tar --create --file "$4" .
          """, place, try TinyRoot.path, FilePath(target), archive)
        let root = try LoopBtrfs.shared.newDirectory()
        let result = try ast(["init", "--quiet", "--store", root.string, "--tarball", archive.string])
        #expect(result.status == 5, "\(change): \(result)")
        #expect(try fingerprint(outside) == before, "\(change)")
        #expect(try shell("ls --almost-all \"$1\"/nodes/*", root) == "", "\(change)")
      }
    }
    // Members that go through a link of the archive itself, or up.
    let climbing = """
      import io, sys, tarfile
      with tarfile.open(sys.argv[1], "w") as archive:
          link = tarfile.TarInfo("way"); link.type = tarfile.SYMTYPE; link.linkname = sys.argv[2]
          archive.addfile(link)
          for name in "way/file", "../" * 12 + sys.argv[2] + "/file", sys.argv[2] + "/file":
              member = tarfile.TarInfo(name); member.size = 5
              archive.addfile(member, io.BytesIO(b"HELLO"))
      """
    let archive = place.appending("climbing.tar")
    try runSuccessfully(["python3", "-c", climbing, archive.string, outside.string])
    let root = try LoopBtrfs.shared.newDirectory()
    #expect(try ast(["init", "--quiet", "--store", root.string, "--tarball", archive.string]).status != 0)
    #expect(try fingerprint(outside) == before)
  }
}

@Suite("Init on an image", .requiresRoot)
struct InitImageTests {
  private func ast(_ arguments: [String], in directory: FilePath) throws -> CommandResult {
    try run([AstBinary.path.string] + arguments, in: directory)
  }

  /// A directory for an image and its mount, which are gone afterwards.
  private func withPlace(_ body: (FilePath) throws -> Void) throws {
    let place = FilePath(try runSuccessfully(["mktemp", "--directory", "/var/tmp/ast-image-XXXXXX"]).lines[0])
    defer {
      _ = try? run(["umount", place.appending("store").string])
      _ = try? run(["rm", "-r", place.string])
    }
    try body(place)
  }

  @Test func anImageIsMadeMountedAndMountedAgain() throws {
    try withPlace { place in
      let arguments = ["init", "--image", "disk", "--size", "200M", "--store", "store", "--directory"]
      let source = try TinyRoot.path.string
      try ast(arguments + [source], in: place).expectSuccess()
      #expect(try runSuccessfully(["stat", "--format=%s", place.appending("disk").string]) == "\(200 << 20)\n")
      try ast(["clone", "0", "--store", "store"], in: place).expectSuccess()
      let tree = try ast(["tree", "--store", "store"], in: place)
      for unmounts in [false, true] {
        if unmounts { try runSuccessfully(["umount", place.appending("store").string]) }
        let again = try ast(arguments + [source], in: place)
        #expect(again.status == 5)
        #expect(again.stderr.lines.first == "ast: there is a store at store already; nothing was changed")
        #expect(try ast(["tree", "--store", "store"], in: place) == tree)
      }
      #expect(
        try runSuccessfully([
          "findmnt", "--noheadings", "--output", "TARGET", "--submounts", place.appending("store").string,
        ]).lines.count == 1)
      let options = try runSuccessfully(["findmnt", "-no", "OPTIONS", place.appending("store").string])
      #expect(Set(options.split(whereSeparator: ",\n".contains)).isSuperset(of: ["nosuid", "nodev"]), "\(options)")
      let modes = ["stat", "-c", "%a", "nodes", "cache", "ast"]
      #expect(try runSuccessfully(modes, in: place.appending("store")) == "700\n700\n755\n")
      #expect(try runSuccessfully(["ls", place.string]) == "disk\nstore\n")
    }
  }

  @Test func anImageIsFoundAmongManyMounts() throws {
    try withPlace { place in
      let script = """
        mkdir other && for i in $(seq 300); do mount -t tmpfs none other; done
        "$0" init --image disk --size 200M --store store --directory "$1"
        exec "$0" init --image disk --size 200M --store store --directory "$1"
        """
      let result = try run(
        ["unshare", "--mount", "sh", "-c", script, AstBinary.path.string, try TinyRoot.path.string], in: place)
      #expect(result.status == 5)
      #expect(result.stderr.lines.contains("ast: there is a store at store already; nothing was changed"), "\(result)")
    }
  }

  @Test func aFileThatIsNoImageIsLeftAlone() throws {
    try withPlace { place in
      let source = try TinyRoot.path.string
      try runSuccessfully(
        ["sh", "-c", "echo precious >text; : >empty; truncate --size=200M zeros; echo mine >new.new; mkdir directory"],
        in: place)
      let before = try TestStore.checksum(of: place)
      for name in ["text", "empty", "zeros", "directory"] {
        let result = try ast(["init", "--image", name, "--store", "store", "--directory", source], in: place)
        #expect(result.status == 1, "\(name): \(result)")
        #expect(result.stderr.hasPrefix("ast: cannot mount \(name) at store: "), "\(result.stderr)")
        #expect(result.stderr.contains("is \(name) an image that `ast init --image` made?"))
        try runSuccessfully(["rmdir", "store"], in: place)
        #expect(try TestStore.checksum(of: place) == before, "\(name)")
      }
      for (size, image) in [("1", "new"), ("200M", "missing/new")] {
        let result = try ast(
          ["init", "--image", image, "--size", size, "--store", "store", "--directory", source], in: place)
        #expect(result.status == 1)
        #expect(result.stderr.hasPrefix("ast: "))
        #expect(try TestStore.checksum(of: place) == before, "\(image)")
      }
    }
  }

  @Test func aMountHidesNothing() throws {
    try withPlace { place in
      try runSuccessfully(["sh", "-c", "mkdir store && echo precious >store/file"], in: place)
      let result = try ast(
        ["init", "--image", "disk", "--size", "200M", "--store", "store", "--directory", try TinyRoot.path.string],
        in: place)
      #expect(result.status == 5)
      #expect(result.stderr.lines.first == "ast: store is not empty, and a mount would hide what is in it")
      #expect(try runSuccessfully(["cat", place.appending("store/file").string]) == "precious\n")
    }
  }
}

@Suite("Init with a Debian", .requiresRoot)
struct InitDebianTests {
  @Test func thePackageStateTravelsWithTheRootAndDebiansToolsFindIt() throws {
    let node = try DebianNode()
    let places = ["lib/dpkg", "cache/debconf", "lib/ucf", "lib/pam", "lib/systemd/deb-systemd-helper-enabled"]
    #expect(
      try runSuccessfully(["readlink"] + places, in: node.content.appending("var")).lines == [
        "../../usr/lib/sysimage/dpkg", "../../usr/lib/sysimage/debconf", "../../usr/lib/sysimage/ucf",
        "../../usr/lib/sysimage/pam", "../../../usr/lib/sysimage/systemd/deb-systemd-helper-enabled",
      ])
    #expect(try node.shell("dpkg -l").expectSuccess().stdout.contains("\nii  dpkg "))
    #expect(try node.shell("dpkg --audit").expectSuccess().stdout == "")
    try node.shell("apt-get --quiet=2 check").expectSuccess()
    #expect(try node.shell("dpkg --verify").expectSuccess().stdout == "")
    #expect(try node.shell("apt-mark showauto").expectSuccess().stdout.lines.contains("debian-archive-keyring"))
    // apt writes its state to the new place.
    try node.shell("apt-mark auto dpkg && apt-mark showauto | grep -x dpkg").expectSuccess()
    #expect(try node.shell("test ! -e /var/lib/apt/extended_states && test -L /var/lib/dpkg").status == 0)
    try node.shell("grep -q dpkg /usr/lib/sysimage/apt/extended_states").expectSuccess()
    // So does dpkg.
    try node.shell(
      """
      mkdir -p /root/p/DEBIAN && printf 'Package: mine\\nVersion: 1\\nArchitecture: all\\nMaintainer: me\\nDescription: x\\n' \
        >/root/p/DEBIAN/control && dpkg-deb --build /root/p >/dev/null && dpkg -i /root/p.deb >/dev/null
      """
    ).expectSuccess()
    #expect(try node.store.ast("list", "\(node.id)").expectSuccess().stdout.contains("\nmine:all 1\n"))
    #expect(try node.shell("test -L /var/lib/dpkg && test -f /usr/lib/sysimage/dpkg/info/mine.list").status == 0)
  }

  @Test func theSameArchiveGivesTheSameTree() throws {
    let archive = try DebianRoot.archive(of: DebianRoot.suite).string
    let sums = try (0..<2).map { _ in
      let root = try LoopBtrfs.shared.newDirectory()
      try run([AstBinary.path.string, "init", "--store", root.string, "--tarball", archive]).expectSuccess()
      let times = try runSuccessfully(["find", root.appending("nodes/0/1").string, "-printf", "%P %T@\n"])
      return try times.lines.sorted() + [TestStore.checksum(of: root.appending("nodes/0/1"))]
    }
    #expect(sums[0] == sums[1])
    #expect(sums[0].count > 1000)
  }
}
