import Btrfs
import FoundationEssentials
import SystemPackage
import TestSupport
import Testing

@testable import Rootfs

@Suite("Additions to the shared /var", .requiresRoot)
struct SeedVarTests {
  /// A generation and a shared /var, each its own subvolume, made by scripts that run in their /var.
  private struct Vars {
    let generation: FilePath
    let shared: FilePath

    init(generation script: String, shared: String = "") throws {
      let directory = try LoopBtrfs.shared.newDirectory()
      generation = directory.appending("generation")
      self.shared = directory.appending("shared")
      for root in [generation, self.shared] { try Subvolume.create(at: root) }
      try runSuccessfully(["mkdir", generation.appending("var").string])
      try EtcTrees.change(generation, script, in: "var")
      try EtcTrees.change(self.shared, shared, in: "")
    }

    func seed() throws -> SeededVar { try SeedVar(from: generation, into: shared).run() }

    /// Writes dpkg's list of a package's files.
    func list(_ files: String...) throws {
      try runSuccessfully(["mkdir", "-p", generation.appending("usr/lib/sysimage/dpkg/info").string])
      let list = generation.appending("usr/lib/sysimage/dpkg/info/some.list")
      try (files.joined(separator: "\n") + "\n").write(toFile: list.string, atomically: true, encoding: .utf8)
    }

    var listing: [String] { get throws { try EtcTrees.listing(of: shared) } }
  }

  @Test func whatIsMissingIsAdded() throws {
    let vars = try Vars(
      generation: """
        mkdir -p lib/there/new/deep lib/own spool; echo a >lib/there/new/deep/f; echo a >lib/there/f; echo a >lib/own/f
        ln -s there lib/link; mkfifo -m 622 spool/fifo
        """, shared: "mkdir -p -m 700 lib/there; echo b >lib/there/f; mkdir lib/mine; echo b >lib/mine/f")
    #expect(
      try vars.seed().added.map(\.string) == ["/var/lib/link", "/var/lib/own", "/var/lib/there/new", "/var/spool"])
    let listing = try vars.listing
    #expect(
      listing == [
        "d755 0:0 lib", "d755 0:0 spool", "l777 0:0 lib/link -> there", "d755 0:0 lib/mine", "d755 0:0 lib/own",
        "d700 0:0 lib/there", "-644 0:0 lib/mine/f b\\n", "-644 0:0 lib/own/f a\\n", "-644 0:0 lib/there/f b\\n",
        "d755 0:0 lib/there/new", "d755 0:0 lib/there/new/deep", "-644 0:0 lib/there/new/deep/f a\\n",
        "p622 0:0 spool/fifo",
      ])
    try FileSystem.sync(vars.shared)
    let before = try Subvolume(at: vars.shared).info().transaction
    #expect(try vars.seed().added == [])
    try FileSystem.sync(vars.shared)
    #expect(try Subvolume(at: vars.shared).info().transaction == before)
    #expect(try vars.listing == listing)
  }

  @Test func ownersAttributesAndTimesAreKept() throws {
    let list =
      "02000000" + "01000600ffffffff" + "020006004d000000" + "04000000ffffffff" + "10000600ffffffff"
      + "20000000ffffffff"
    let vars = try Vars(
      generation: """
        mkdir -p lib/d; cd lib; echo a >d/f; chown 12:34 d/f; chmod 751 d/f; xattr d/f user.note 74657874
        echo x >d/listed; xattr d/listed system.posix_acl_access \(list)
        ln -s x d/l; chown -h 5:6 d/l; chown 7:8 d; chmod 3770 d; xattr d system.posix_acl_default \(list)
        touch -h -d '2001-02-03 04:05:06.789' d/f d/l d
        """)
    _ = try vars.seed()
    let own = vars.generation.appending("var")
    #expect(try vars.listing == EtcTrees.listing(of: own))
    let times = try [own, vars.shared].map { root in
      try runSuccessfully(["find", root.string, "-mindepth", "1", "-printf", "%P %T+\\n"]).split(separator: "\n")
        .sorted()
    }
    #expect(times[0] == times[1])
    #expect(times[0].contains("lib/d/f 2001-02-03+04:05:06.7890000000"))
  }

  @Test func holesAndAttributesOfChattrAreKept() throws {
    let vars = try Vars(
      generation: """
        mkdir -p lib/images lib/small lib/fixed; chattr +C lib/images; chattr +c lib/small; truncate -s 500M lib/images/disk
        printf x | dd of=lib/images/disk bs=1 seek=300M conv=notrunc status=none; truncate -s 300M lib/hole
        echo a >lib/fixed/f; chattr +i lib/fixed/f lib/fixed; echo a >lib/log; chattr +a lib/log
        """)
    #expect(try vars.seed().obstacles.map(\.sentence) == [])
    let attributes = try runSuccessfully([
      "sh", "-euc", "cd \"$1/lib\"; lsattr -d images images/disk small fixed fixed/f log hole | tr -d -- -",
      "sh", vars.shared.string,
    ])
    #expect(
      attributes.split(separator: "\n") == [
        "C images", "C images/disk", "c small", "i fixed", "i fixed/f", "a log", " hole",
      ])
    let blocks = try runSuccessfully([
      "sh", "-euc",
      "cd \"$1/lib\"; du -k images/disk hole | cut -f 1; du --apparent-size -m images/disk | cut -f 1; tail -c +314572801 images/disk | head -c 1",
      "sh", vars.shared.string,
    ])
    let words = blocks.split(separator: "\n")
    #expect(words.count == 4 && words.prefix(2).allSatisfy { (Int($0) ?? .max) < 100 }, "\(blocks)")
    #expect(words.suffix(2) == ["500", "x"])
    #expect(try vars.seed().added == [])
  }

  @Test func noFileGetsRightsByItself() throws {
    let vars = try Vars(
      generation: """
        mkdir -m 6755 lib; cd lib; echo x >set; chown 3:4 set; chmod 6755 set; mkfifo pipe; chmod 6622 pipe
        echo x >capable; xattr capable security.capability 0100000200040000000000000000000000000000
        echo x >trusted; xattr trusted trusted.note 00; mknod disk b 8 0; mknod -m 666 null c 1 3
        """)
    _ = try vars.seed()
    #expect(
      try vars.listing == [
        "d2755 0:0 lib", "-644 0:0 lib/capable x\\n", "p622 0:0 lib/pipe", "-755 3:4 lib/set x\\n",
        "-644 0:0 lib/trusted x\\n",
      ])
  }

  /// Jobs, services, containers and keys that a node's programs left: they would outlive the deployment.
  @Test func nothingIsAddedThatStartsOrLetsIn() throws {
    let vars = try Vars(
      generation: """
        for place in spool/{cron/{crontabs,atjobs,atspool},at,incron,fcron} mail backups crash lib/sudo/ts lib/cloud/per-boot \
          lib/systemd/{linger,timers} lib/{portables,machines,extensions,confexts,docker,lxc,private} lib/polkit-1; do
          mkdir -p $place; echo evil >$place/root; ln -s root $place/link; mkfifo $place/pipe
        done
        mkdir lib/systemd/linger/x lib/machines/x spool/cron/crontabs/x; chmod 1730 spool/cron/crontabs; chown 0:102 mail
        chmod 2775 mail; mkdir -p lib/home/{.ssh,.config/{systemd/user,other},.local/share/systemd}; echo evil >spool/job
        touch lib/home/.ssh/authorized_keys lib/home/.config/systemd/user/x.service lib/home/.config/other/f
        mkdir unknown; echo evil >unknown/file; echo packaged >unknown/known; echo packaged >spool/known
        """)
    try vars.list("/var/unknown", "/var/unknown/known", "/var/spool/known", "/var/spool/cron/crontabs/root")
    _ = try vars.seed()
    #expect(
      try vars.listing == [
        "d755 0:0 backups", "d755 0:0 crash", "d755 0:0 lib", "d2775 0:102 mail", "d755 0:0 spool", "d755 0:0 unknown",
        "d755 0:0 lib/cloud", "d755 0:0 lib/confexts", "d755 0:0 lib/docker", "d755 0:0 lib/extensions",
        "d755 0:0 lib/home", "d755 0:0 lib/lxc", "d755 0:0 lib/machines", "d755 0:0 lib/polkit-1",
        "d755 0:0 lib/portables", "d755 0:0 lib/private", "d755 0:0 lib/sudo", "d755 0:0 lib/systemd",
        "d755 0:0 lib/cloud/per-boot", "d755 0:0 lib/home/.config", "d755 0:0 lib/home/.local",
        "d755 0:0 lib/home/.config/other", "-644 0:0 lib/home/.config/other/f ", "d755 0:0 lib/home/.local/share",
        "l777 0:0 lib/polkit-1/link -> root", "p644 0:0 lib/polkit-1/pipe", "d755 0:0 lib/sudo/ts",
        "d755 0:0 lib/systemd/linger", "d755 0:0 lib/systemd/timers", "d755 0:0 spool/at", "d755 0:0 spool/cron",
        "d755 0:0 spool/fcron", "d755 0:0 spool/incron", "-644 0:0 spool/known packaged\\n",
        "d755 0:0 spool/cron/atjobs", "d755 0:0 spool/cron/atspool", "d1730 0:0 spool/cron/crontabs",
        "-644 0:0 unknown/known packaged\\n",
      ])
  }

  /// A directory of a package that cannot be made is missing; not so where the administrator has something else, or for
  /// files.
  @Test func missingDirectoriesOfPackagesAreTold() throws {
    let vars = try Vars(
      generation: "mkdir -p lib/{a/in,b/in,c/in,d/in,e} tmp/f; touch lib/a/f; ln -s a lib/l",
      shared: "mkdir lib tmp; touch lib/a; ln -s /srv lib/b; btrfs -q subvolume create lib/c")
    try vars.list(
      "/var/lib", "/var/lib/a", "/var/lib/a/in", "/var/lib/a/f", "/var/lib/b/in", "/var/lib/c/in", "/var/lib/d/in",
      "/var/lib/l", "/var/tmp/f", "/var/lib/../../../etc", "/var/lib/gone")
    let seeded = try vars.seed()
    #expect(seeded.added.map(\.string) == ["/var/lib/d", "/var/lib/e", "/var/lib/l"])
    #expect(seeded.missing.map(\.string) == ["/var/lib/a", "/var/lib/a/in"])
  }

  @Test func whatCannotBeMadeIsToldAndTheRestIsAdded() throws {
    let vars = try Vars(
      generation: "mkdir -p lib/a lib/b; touch lib/a/f", shared: "mkdir -p lib/a; chattr +i lib/a")
    defer { _ = try? run(["chattr", "-i", vars.shared.appending("lib/a").string]) }
    let seeded = try vars.seed()
    #expect(seeded.added.map(\.string) == ["/var/lib/b"])
    #expect(
      seeded.obstacles.map(\.sentence) == [
        "/var/lib/a/f is not complete: cannot add /var/lib/a/f: Operation not permitted"
      ])
  }

  @Test func anotherFileSystemGetsCopies() throws {
    let mount = try LoopBtrfs.shared.newDirectory()
    try runSuccessfully(["mount", "-t", "tmpfs", "none", mount.string])
    defer { _ = try? run(["umount", mount.string]) }
    let vars = try Vars(generation: "mkdir lib; seq 100000 >lib/f; chown 3:4 lib/f; ln -s f lib/l")
    let seeded = try SeedVar(from: vars.generation, into: mount).run()
    #expect(seeded.added.map(\.string) == ["/var/lib"])
    #expect(try EtcTrees.listing(of: mount) == EtcTrees.listing(of: vars.generation.appending("var")))
  }

  @Test func whatIsVolatileOrTheMachinesOwnIsNotAdded() throws {
    let vars = try Vars(
      generation: """
        mkdir -p cache/apt/archives/partial cache/man lib/apt/lists/partial log/daemon log/journal/0123 tmp backups
        mkdir -p lib/systemd lib/dbus lib/NetworkManager; chmod 1777 tmp; ln -s /run run; mkdir lock; touch lock/held
        touch cache/apt/pkgcache.bin cache/apt/archives/lock lib/apt/lists/x_Packages tmp/x log/journal/0123/system.journal
        echo x >cache/man/index; echo x >log/dpkg.log; echo x >log/daemon/error.log; chown 9:9 log/daemon/error.log
        echo x >log/wtmp; chmod 664 log/wtmp; echo x >log/dpkg.log.1; echo x >log/daemon/x.gz; ln -s dpkg.log log/link
        echo x >lib/systemd/random-seed; echo x >lib/systemd/credential.secret; echo x >lib/NetworkManager/secret_key
        echo x >lib/dbus/machine-id
        python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("backups/socket")'
        """)
    _ = try vars.seed()
    #expect(
      try vars.listing == [
        "d755 0:0 backups", "d755 0:0 cache", "d755 0:0 lib", "d755 0:0 lock", "d755 0:0 log", "l777 0:0 run -> /run",
        "d1777 0:0 tmp", "d755 0:0 cache/apt", "d755 0:0 cache/man", "d755 0:0 cache/apt/archives",
        "d755 0:0 cache/apt/archives/partial", "-644 0:0 cache/man/index x\\n", "d755 0:0 lib/NetworkManager",
        "d755 0:0 lib/apt", "d755 0:0 lib/dbus", "d755 0:0 lib/systemd", "d755 0:0 lib/apt/lists",
        "d755 0:0 lib/apt/lists/partial", "d755 0:0 log/daemon", "-644 0:0 log/dpkg.log ", "d755 0:0 log/journal",
        "l777 0:0 log/link -> dpkg.log", "-664 0:0 log/wtmp ", "-644 9:9 log/daemon/error.log ",
      ])
  }

  @Test func theLinkOfDBusIsAdded() throws {
    let vars = try Vars(generation: "mkdir -p lib/dbus; ln -s /etc/machine-id lib/dbus", shared: "mkdir -p lib/dbus")
    #expect(try vars.seed().added.map(\.string) == ["/var/lib/dbus/machine-id"])
  }

  @Test func whatIsInTheWayStaysAndIsTold() throws {
    let outside = try LoopBtrfs.shared.newDirectory()
    let vars = try Vars(
      generation: """
        mkdir -p lib/a lib/b lib/c lib/empty lib/ucf_ cache; touch lib/a/f lib/b/f lib/c/f; touch lib/g
        ln -s ../../usr/lib/sysimage/dpkg lib/dpkg; ln -s ../../usr/lib/sysimage/ucf lib/ucf
        ln -s ../../usr/lib/sysimage/debconf cache/debconf
        """,
      shared: """
        mkdir lib cache; echo mine >lib/a; ln -s \(outside) lib/b; btrfs -q subvolume create lib/c; ln -s nowhere lib/empty
        mkdir -p lib/g lib/dpkg/info; ln -s ../../usr/lib/sysimage/ucf lib/ucf; ln -s /srv/debconf cache/debconf
        """)
    let before = try vars.listing
    let seeded = try vars.seed()
    #expect(seeded.added.map(\.string) == ["/var/lib/ucf_"])
    #expect(
      seeded.obstacles.map(\.sentence) == [
        "/var/cache/debconf stays, but it is not a link to /usr/lib/sysimage/debconf: programs find a package state there that is not the deployment's own",
        "/var/lib/a stays, but it is not a directory here: the contents of the new generation's directory are not added",
        "/var/lib/b stays, but it is a link here: the contents of the new generation's directory are not added",
        "/var/lib/c stays, but it is a subvolume or another file system here: the contents of the new generation's directory are not added",
        "/var/lib/dpkg stays, but it is not a link to /usr/lib/sysimage/dpkg: programs find a package state there that is not the deployment's own",
      ])
    #expect(try vars.listing.filter { !$0.contains("ucf_") } == before)
    #expect(try FileManager.default.contentsOfDirectory(atPath: outside.string) == [])
  }

  /// A generation with links that lead out, and with names that cannot be typed.
  @Test func aHostileGenerationChangesNothingElse() throws {
    let outside = try LoopBtrfs.shared.newDirectory()
    try runSuccessfully(["sh", "-c", "echo secret >\"$1/f\"", "sh", outside.string])
    let long = String(repeating: "x", count: 255)
    let vars = try Vars(
      generation: """
        ln -s \(outside) log; mkdir -p lib spool; ln -s \(outside)/f lib/f; echo a >$'lib/\\xff\\n'; 
        mkdir .ast-new; echo a >.ast-new/x; ln -s ../../../../etc spool/up; echo a >lib/\(long)
        """, shared: "ln -s \(outside) spool; mkdir -p .ast-new/left")
    let seeded = try vars.seed()
    #expect(seeded.obstacles.map(\.path) == ["/var/spool"])
    #expect(
      try vars.listing == [
        "d755 0:0 lib", "l777 0:0 log -> \(outside)", "l777 0:0 spool -> \(outside)", "l777 0:0 lib/f -> \(outside)/f",
        "-644 0:0 lib/\(long) a\\n", "-644 0:0 lib/\\xff\\n a\\n",
      ])
    #expect(try EtcTrees.listing(of: outside) == ["-644 0:0 f secret\\n"])
  }

  @Test func aGenerationWithoutVarAddsNothing() throws {
    for script in ["rmdir ../var", "rmdir ../var; ln -s /etc ../var"] {
      let vars = try Vars(generation: script)
      #expect(try vars.seed().added == [])
      #expect(try vars.listing == [])
    }
  }

  @Test func additionsShareTheirSpace() throws {
    let vars = try Vars(
      generation: "mkdir lib; seq 200000 >lib/large; touch lib/plain", shared: "chattr +C .; mkdir lib")
    _ = try vars.seed()
    let other = try Vars(generation: "mkdir lib; seq 200000 >lib/large", shared: "")
    _ = try other.seed()
    try FileSystem.sync(vars.shared)
    #expect(try Subvolume(at: other.shared).usage().exclusive < 1 << 17)
    let same = ["cmp", vars.generation.appending("var/lib/large").string, vars.shared.appending("lib/large").string]
    #expect(try runSuccessfully(same) == "")
  }

  /// Another process makes every second file while they are being prepared: the first one stays.
  @Test func whatComesMeanwhileStays() throws {
    let vars = try Vars(
      generation: "mkdir -p lib/d; for i in {1001..2000}; do echo ours >lib/d/f$i; done", shared: "mkdir -p lib/d")
    let script = """
      set -C; cd "$1"
      until test -e .ast-new/0; do :; done
      for i in {1002..2000..2}; do
        { echo mine >lib/d/f$i; } 2>/dev/null && echo f$i
      done
      true
      """
    let writer = try StartedCommand(["bash", "-c", script, "bash", vars.shared.string])
    let added = try vars.seed().added.compactMap { $0.lastComponent?.string }
    let made = try writer.wait().stdout.split(separator: "\n").map(String.init)
    #expect(!added.isEmpty && !made.isEmpty)
    #expect(added.count + made.count == 1000 && Set(added).isDisjoint(with: made))
    for (names, content) in [(added, "ours"), (made, "mine")] {
      for name in names {
        let file = vars.shared.appending("lib/d").appending(name).string
        #expect(try String(contentsOfFile: file, encoding: .utf8) == "\(content)\n")
      }
    }
  }

  @Test func programsReadTheSame() throws {
    let vars = try Vars(generation: "mkdir lib; touch lib/f", shared: "touch lib")
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    #expect(
      String(decoding: try encoder.encode(try vars.seed()), as: UTF8.self) == """
        {"added":[],"missing":[],"obstacles":[{"message":"/var/lib stays, but it is not a directory here: \
        the contents of the new generation's directory are not added","path":"/var/lib"}]}
        """)
  }
}
