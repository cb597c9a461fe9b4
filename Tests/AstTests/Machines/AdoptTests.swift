import FoundationEssentials
import SystemPackage
import TestSupport
import Testing

/// `adopt`, up to the work of a deployment at its first start. `Tests/Boot` tests the start itself.
@Suite("adopt", .requiresRoot)
struct AdoptTests {
  typealias Layout = AdoptableDisk.Layout

  @Test(arguments: Layout.allCases) func simulatingChangesNothing(layout: Layout) throws {
    let disk = try AdoptableDisk(layout)
    let (before, subvolumes) = (try disk.checksum(), try disk.subvolumes)
    let result = try disk.adopt("-n")
    let root = layout == .top ? "the top level of the file system" : "the subvolume \(disk.subvolume)"
    let made = layout == .home ? "@root, @srv" : "@home, @root, @srv"
    let data = layout == .home ? "/var, /root, /srv" : "/var, /home, /root, /srv"
    let kept = layout == .home ? "/data, /home" : "/data"
    #expect(
      result.stdout == """
        Would be adopted:
        Root:            \(root), which stays as it is and boots as "Debian before ast"
        New subvolumes:  @snapshots, @var, @grub, \(made)
        Data:            \(data) are taken over at the next start
        As they are:     \(kept)
        Read-only then:  /usr and everything that is not listed above or in /etc; also /opt, /usr/local, /games
        If it fails:     choose "Debian before ast" in the menu: GRUB has no place to count tries

        """, "\(result)")
    #expect(try disk.checksum() == before && disk.subvolumes == subvolumes && disk.customFile == nil)
  }

  @Test(arguments: Layout.allCases) func theOldSystemStaysAsItIsAndGetsEverythingBack(layout: Layout) throws {
    let disk = try AdoptableDisk(layout)
    let (before, subvolumes) = (try disk.checksum(), try disk.subvolumes)
    try disk.adopt("-y").expectSuccess()
    #expect(try disk.checksum() == before)
    #expect(try #require(disk.customFile).hasPrefix("### BEGIN ast:"))
    #expect(try Consistency.problems(of: disk.store) == [])
    let again = try disk.adopt("-y")
    #expect(again.status == 5 && again.stderr.hasPrefix("ast: this system was adopted: a deployment boots at the next"))
    try disk.adopt("--undo").expectSuccess()
    #expect(try disk.checksum() == before && disk.subvolumes == subvolumes && disk.customFile == nil)
    // And once more.
    try disk.adopt("-y").expectSuccess()
  }

  @Test func theFileOfTheAdminIsKeptToTheLastByte() throws {
    let disk = try AdoptableDisk(.installer)
    let path = disk.root.appending("boot/grub/custom.cfg")
    let mine = "set mine=1\n# no newline at the end"
    try Data(mine.utf8).write(to: URL(filePath: path.string))
    try runSuccessfully(["chmod", "640", path.string])
    try disk.adopt("-y").expectSuccess()
    #expect(try #require(disk.customFile).hasSuffix("fi\n### END ast\n\(mine)"))
    #expect(try run(["grub-script-check", path.string]).status == 0)
    // Files that were added meanwhile stay, too.
    try runSuccessfully(["sh", "-c", "echo >>\"$0\"; echo set more=1 >>\"$0\"", path.string])
    try disk.adopt("--undo").expectSuccess()
    #expect(disk.customFile == mine + "\nset more=1\n")
    #expect(try runSuccessfully(["stat", "-c", "%a", path.string]) == "640\n")
  }

  @Test(arguments: Layout.allCases) func aNodeHasTheSystemAndNotTheData(layout: Layout) throws {
    let disk = try AdoptableDisk(layout)
    try disk.adopt("-y").expectSuccess()
    let node = try disk.store.content(of: 1)
    let found = try runSuccessfully(
      ["sh", "-c", "find home root srv tmp var boot data games ! -type d | LC_ALL=C sort"], in: node)
    let links = [
      "var/cache/debconf", "var/lib/dictionaries-common", "var/lib/dkms", "var/lib/dpkg", "var/lib/emacsen-common",
      "var/lib/initramfs-tools", "var/lib/pam", "var/lib/python", "var/lib/sgml-base", "var/lib/small",
      "var/lib/systemd/deb-systemd-helper-enabled", "var/lib/systemd/deb-systemd-helper-masked",
      "var/lib/systemd/deb-systemd-user-helper-enabled", "var/lib/systemd/deb-systemd-user-helper-masked",
      "var/lib/ucf", "var/lib/xml-core", "var/nocow",
    ]
    let boot = ["boot/initrd.img-\(AdoptableRoot.version)", "boot/vmlinuz-\(AdoptableRoot.version)"]
    #expect(found.split(separator: "\n").map(String.init) == boot + ["root/.bashrc"] + links)
    #expect(try runSuccessfully(["cat", "usr/lib/sysimage/debconf/config.dat"], in: node) == "answers\n")
    #expect(try runSuccessfully(["cat", "usr/lib/sysimage/apt/extended_states"], in: node) == "auto\n")
    try runSuccessfully(["sh", "-ec", "test -d var/log/alpha; test -d var/lib/alpha; test -x usr/sbin/ast"], in: node)
    let uuid = try runSuccessfully(["findmnt", "-no", "UUID", disk.top.string]).prefix { $0 != "\n" }
    let home = layout == .home ? "UUID=\(uuid) /home btrfs subvol=@home 0 0\n" : ""
    let ownHome = layout == .home ? "" : "UUID=\(uuid) /home btrfs noatime,subvol=@home 0 0\n"
    #expect(
      try String(contentsOfFile: node.appending("etc/fstab").string, encoding: .utf8) == """
        # mine
        \(home)LABEL=x /data ext4 noauto 0 2
        UUID=\(uuid) / btrfs ro,noatime,compress=zstd:1 0 0
        UUID=\(uuid) /.snapshots btrfs ro,nosuid,nodev,noatime,subvol=@snapshots 0 0
        UUID=\(uuid) /var btrfs noatime,subvol=@var 0 0
        \(ownHome)UUID=\(uuid) /root btrfs noatime,subvol=@root 0 0
        UUID=\(uuid) /srv btrfs noatime,subvol=@srv 0 0
        UUID=\(uuid) /boot/grub btrfs noatime,subvol=@grub 0 0
        tmpfs /tmp tmpfs mode=1777,nosuid,nodev 0 0

        """)
  }

  @Test(arguments: Layout.allCases) func theFirstStartTakesOverTheData(layout: Layout) throws {
    let disk = try AdoptableDisk(layout)
    let before = try disk.checksum()
    try disk.adopt("-y").expectSuccess()
    #expect(try disk.menu.contains("ast.deployment=1 ast.adopt $@"))
    try disk.start().expectSuccess()
    #expect(try disk.checksum() == before)
    #expect(try dataProblems(of: disk) == "")
    let menu = try disk.menu
    #expect(!menu.contains("ast.adopt") && menu.contains("menuentry 'Debian before ast'"))
    #expect(try Consistency.problems(of: disk.store) == [])
    // A later deployment does not take the data over again.
    try runSuccessfully(["sh", "-c", "echo newer >@home/anna/file"], in: disk.top)
    try disk.start().expectSuccess()
    #expect(try String(contentsOfFile: disk.top.appending("@home/anna/file").string, encoding: .utf8) == "newer\n")
  }

  /// What is changed in /etc comes along with the first start; packages do not.
  @Test func changesOfEtcBeforeTheFirstStartComeAlong() throws {
    let disk = try AdoptableDisk(.top)
    try disk.adopt("-y").expectSuccess()
    let change = """
      echo x >etc/new; rm etc/machine-id; echo '/dev/sdz /data ext4 defaults 0 0' >>etc/fstab
      sed -i 's/2:0.5/2:0.6/' var/lib/dpkg/status
      """
    try runSuccessfully(["sh", "-ec", change], in: disk.root)
    let store = disk.store.root
    #expect(try String(contentsOfFile: store.appending("ast/ran").string, encoding: .utf8) == "ran=before\n")
    let start = """
      mount -t tmpfs none /run; if [ -e /dev/kmsg ]; then mount --bind /dev/null /dev/kmsg; fi
      printf 'ran=1\nfrom=before\n' >"$1/ast/ran"; exec "$0" --store "$1" boot-etc 1
      """
    try runSuccessfully(["unshare", "--mount", "sh", "-ec", start, AstBinary.path.string, store.string])
    let etc = store.appending("deploy/1/root/etc")
    let answer = """
      x
      33 the machine's id
      0
      ran=1

      """
    let question = """
      cat $0/new; echo "$(wc -c <$0/machine-id) the machine's id"; grep -c sdz $0/fstab || :; cat $0/../../../../ast/ran
      """
    let found = try runSuccessfully(["sh", "-c", question, etc.string])
    #expect(found == answer)
    try disk.start().expectSuccess()
    struct Noted: Decodable { let leftBehind: [String] }
    let record = try Data(contentsOf: URL(filePath: store.appending("ast/adoption.json").string))
    let noted = try JSONDecoder().decode(Noted.self, from: record)
    #expect(noted.leftBehind == ["the package beta", "/etc/machine-id"])
  }

  @Test func whatIsChangedBeforeTheFirstStartIsNoted() throws {
    let disk = try AdoptableDisk(.top)
    try disk.adopt("-y").expectSuccess()
    let change = "echo x >etc/new; rm etc/machine-id; sed -i 's/2:0.5/2:0.6/' var/lib/dpkg/status"
    try runSuccessfully(["sh", "-ec", change], in: disk.root)
    try disk.start().expectSuccess()
    struct Noted: Decodable { let leftBehind: [String] }
    let record = try Data(contentsOf: URL(filePath: disk.store.root.appending("ast/adoption.json").string))
    let noted = try JSONDecoder().decode(Noted.self, from: record)
    #expect(noted.leftBehind == ["the package beta", "/etc/machine-id", "/etc/new"])
  }

  /// The lines of a configuration of unattended-upgrades.
  private static let patterns = [
    "Unattended-Upgrade::Origins-Pattern:: \"origin=Debian,codename=${distro_codename}-security,label=Debian-Security\";",
    "Unattended-Upgrade::Origins-Pattern { \"origin=Debian,codename=${distro_codename},label=Debian\"; };",
  ]

  @Test(arguments: [1, 2]) func unattendedUpgradesOfSecurityUpdatesStayThat(count: Int) throws {
    let disk = try AdoptableDisk(.installer)
    let settings = ["APT::Periodic::Unattended-Upgrade \"1\";"] + Self.patterns.prefix(count)
    let script = """
      libraries=$(ldd /usr/bin/apt-config | grep -o '/[^ ]*')
      cp -R --dereference --parents /usr/bin/apt-config /usr/share/dpkg $libraries .
      mkdir -p etc/apt/apt.conf.d; printf '%s\n' "$@" >etc/apt/apt.conf.d/50unattended-upgrades
      ln -s true usr/bin/unattended-upgrade
      """
    try runSuccessfully(["sh", "-ec", script, "sh"] + settings, in: disk.root)
    let row =
      "Upgrades:        security updates alone, as unattended-upgrades is set: see updates.only in ast.toml(5)\n"
    #expect(try disk.adopt("-n").expectSuccess().stdout.contains(row) == (count == 1))
    try disk.adopt("-y").expectSuccess()
    let file = "etc/ast/ast.toml.d/50-unattended-upgrades.toml"
    let paths = [try disk.store.content(of: 1), disk.store.root.appending("deploy/1/root")]
    for path in paths {
      let text = try? String(contentsOfFile: path.appending(file).string, encoding: .utf8)
      #expect(text?.contains("[updates]\nonly = \"security\"\n") == (count == 1 ? true : nil))
    }
    try disk.start().expectSuccess()
    struct Noted: Decodable { let leftBehind: [String] }
    let record = try Data(contentsOf: URL(filePath: disk.store.root.appending("ast/adoption.json").string))
    #expect(try JSONDecoder().decode(Noted.self, from: record).leftBehind == [])
  }

  @Test func dataThatWereTakenOverStayWhenItIsUndone() throws {
    let disk = try AdoptableDisk(.installer)
    try disk.adopt("-y").expectSuccess()
    try disk.start().expectSuccess()
    let result = try disk.adopt("--undo").expectSuccess()
    #expect(result.stdout.contains("are in @snapshots, @grub, @home, @root, @srv, @var at the top level"))
    #expect(disk.customFile == nil)
    #expect(try dataProblems(of: disk) == "")
    let again = try disk.adopt("-y")
    #expect(again.status == 5)
    #expect(again.stderr.contains("has left @snapshots, @grub, @home, @root, @srv, @var at the top level"), "\(again)")
  }

  @Test func aStartThatFailsTakesItBack() throws {
    let disk = try AdoptableDisk(.installer)
    try disk.adopt("-y").expectSuccess()
    try runSuccessfully(["mkdir", disk.top.appending("@home.adopt").string])
    let result = try disk.start()
    #expect(result.status == 1 && result.stderr.contains("the adoption is taken back"), "\(result)")
    #expect(disk.customFile == nil)
    #expect(try disk.adopt("-n").status == 5)
    try runSuccessfully(["rmdir", disk.top.appending("@home.adopt").string])
    #expect(try disk.adopt("-n").stdout.contains("\nLast time:       it was taken back: "))
    try disk.adopt("-y").expectSuccess()
    #expect(try disk.subvolumes.filter { $0.hasSuffix(".adopt") } == [])
  }

  @Test(arguments: AdoptionObstacle.all) func whatStandsInTheWayIsToldAndNothingDone(obstacle: AdoptionObstacle) throws
  {
    let disk = try AdoptableDisk(.installer)
    let top = ["TOP": disk.top.string]
    try runSuccessfully(
      ["sh", "-ec", obstacle.script], environment: plainEnvironment.merging(top) { $1 }, in: disk.root)
    let (before, subvolumes) = (try disk.checksum(), try disk.subvolumes)
    let result = try disk.adopt("-y")
    #expect(result.status == 5, "\(result)")
    #expect(result.stderr.hasPrefix("ast: \(obstacle.reason)"), "\(result.stderr)")
    #expect(result.stderr.contains("; nothing was changed"))
    let uuid = try runSuccessfully(["findmnt", "-no", "UUID", disk.top.string]).prefix { $0 != "\n" }
    let hint = obstacle.hint.replacing("$UUID", with: uuid)
    #expect(hint.isEmpty || result.stderr.contains(hint), "\(result.stderr)")
    #expect(try disk.checksum() == before && disk.subvolumes == subvolumes)
  }

  @Test func aptAtWorkIsWaitedForByTheUser() throws {
    let disk = try AdoptableDisk(.installer)
    let lock = disk.root.appending("var/lib/dpkg/lock-frontend").string
    let holder = try StartedCommand([
      "python3", "-c",
      "import fcntl, sys, time; f = open(sys.argv[1], 'w'); fcntl.lockf(f, fcntl.LOCK_EX); time.sleep(1000)",
      lock,
    ])
    defer { holder.send(9); _ = try? holder.wait() }
    try eventually("the lock") { try disk.adopt("-n").status == 4 }
    #expect(try disk.adopt("-y").status == 4)
    #expect(try !disk.subvolumes.contains("@snapshots"))
  }

  /// The missing data, as a shell reports them.
  private func dataProblems(of disk: AdoptableDisk) throws -> String {
    let script = """
      is() { test "$(cat "$1")" = "$2" || echo "$1 is $(cat "$1")"; }
      is @home/anna/file precious; is @srv/site/page page; is @root/.ssh/key key; is @root/.bashrc rc
      is @var/log/alpha/log said; is @var/mail/anna post; is @var/cache/alpha/x/y cached; is @var/lib/machines/file inner
      test @home/anna/file -ef @home/anna/link || echo links
      for place in var root srv; do
        test "$(stat -c '%a %u %g' @$place)" = "$(stat -c '%a %u %g' "$ROOT/$place")" || echo "owner of $place"
      done
      cmp @var/nocow "$ROOT/var/nocow"; lsattr @var/nocow | grep -q C || echo nocow
      test "$(stat -c %s @var/lib/alpha/data/blob)" = $((34 << 20)) || echo blob
      for state in cache/debconf lib/dpkg lib/ucf; do
        test "$(readlink @var/$state)" = "../../usr/lib/sysimage/${state#*/}" || echo $state
      done
      test ! -e @var/lib/apt/extended_states || echo extended_states
      ls -d @*.adopt 2>/dev/null || true
      """
    let environment = plainEnvironment.merging(["ROOT": disk.root.string]) { $1 }
    return try runSuccessfully(["sh", "-c", script], environment: environment, in: disk.top)
  }
}

/// An obstacle to an adoption, the error message, and what is advised.
struct AdoptionObstacle: Sendable, CustomTestStringConvertible {
  let script: String
  let reason: String
  let hint: String
  var testDescription: String { reason }

  init(_ script: String, _ reason: String, _ hint: String = "") {
    (self.script, self.reason, self.hint) = (script, reason, hint)
  }

  static let all = [
    AdoptionObstacle("btrfs -q subvolume create $TOP/@var", "the top level of the file system has @var already"),
    AdoptionObstacle("mkdir $TOP/@snapshots", "the top level of the file system has @snapshots already"),
    AdoptionObstacle("touch $TOP/@home.adopt", "the top level of the file system has @home.adopt already"),
    AdoptionObstacle(
      "echo LABEL=x /var ext4 defaults 0 2 >>etc/fstab", "/etc/fstab mounts /var, and it is not mounted"),
    AdoptionObstacle(
      "mv var old; btrfs -q subvolume create var; mv old/* var; rmdir old",
      "/var is a subvolume that /etc/fstab does not"),
    AdoptionObstacle(
      "echo LABEL=x /var/lib/dpkg ext4 defaults 0 2 >>etc/fstab", "/var/lib/dpkg is a separate file system or subvolume"
    ),
    AdoptionObstacle(
      "echo LABEL=x /boot ext4 defaults 0 2 >>etc/fstab", "/etc/fstab mounts /boot, and it is not mounted"),
    AdoptionObstacle(
      "mount -t tmpfs none boot && echo none /boot tmpfs >>etc/fstab",
      "/boot is a separate file system or subvolume (tmp"),
    AdoptionObstacle("mount -t tmpfs none boot", "/boot is mounted, and /etc/fstab does not say so"),
    AdoptionObstacle(
      "mv boot old; btrfs -q subvolume create boot; mv old/* boot; rmdir old",
      "/boot is a separate file system or subvol"),
    AdoptionObstacle(
      "sed -i 's|/ btrfs [^ ]*|/ ext4 errors=remount-ro|' etc/fstab",
      "/etc/fstab says that / is ext4: it would not be mounted",
      "make that line `UUID=$UUID / btrfs defaults 0 0`"),
    AdoptionObstacle(
      "sed -i 's|/ btrfs [^ ]*|/ btrfs errors=remount-ro|' etc/fstab",
      "/etc/fstab mounts / with errors=remount-ro, which btrfs does not know", "take that out of the options"),
    AdoptionObstacle(
      "rm boot/grub/grub.cfg; mkdir -p boot/efi/EFI/systemd; touch boot/efi/EFI/systemd/systemd-bootx64.efi",
      "this machine starts with systemd-boot, which ast does not write menus for", "`grub-install` and `update-grub`"),
    AdoptionObstacle(
      "mv etc old; btrfs -q subvolume create etc; chattr -i old/fixed; mv old/* etc", "/etc is a separate file system"),
    AdoptionObstacle("mkdir .snapshots && touch .snapshots/1", "/.snapshots is in use, probably by snapper"),
    AdoptionObstacle("rm boot/initrd.img-*", "/boot has no kernel with an initrd and modules"),
    AdoptionObstacle("rm boot/grub/grub.cfg", "there is no /boot/grub/grub.cfg"),
    AdoptionObstacle("echo '# custom.cfg' >boot/grub/grub.cfg", "/boot/grub/grub.cfg does not read custom.cfg"),
    AdoptionObstacle("rm -r boot/grub/i386-pc", "/boot/grub has no modules of GRUB"),
    AdoptionObstacle("mkdir boot/grub/custom.cfg", "custom.cfg of /boot/grub is not a regular file"),
    AdoptionObstacle(
      "echo /swapfile none swap sw 0 0 >>etc/fstab", "/etc/fstab has a swap file in the root file system"),
    AdoptionObstacle("rm -r srv && ln -s data srv", "/srv is not a directory"),
    AdoptionObstacle("mount -t tmpfs none srv", "/srv is mounted, and /etc/fstab does not say so"),
    AdoptionObstacle("sed -i '0,/installed/s/ok installed/ok unpacked/' var/lib/dpkg/status", "dpkg has work that is"),
    AdoptionObstacle("mount -o remount,bind,ro .", "the root file system is mounted read-only"),
  ]
}
