import FoundationEssentials
import Glibc
import SystemPackage
import TestSupport
import Testing

/// `migrate` of a small system on two ext4 to another disk, up to the work of a deployment at its first start.
@Suite("migrate", .requiresRoot)
struct MigrateTests {
  /// The old disk, with its root mounted at `root`, and the new one. Both go with the object.
  private final class Disks: Sendable {
    let home: FilePath
    var root: FilePath { home.appending("root") }
    var top: FilePath { home.appending("top") }
    let target: String

    init() throws {
      let home = FilePath("/var/tmp/ast-migrate-\(getpid())-\(UInt32.random(in: 0 ... .max))")
      self.home = home
      try runSuccessfully(["mkdir", "-p"] + ["root", "top", "deployment"].map { home.appending($0).string })
      let model = try LoopBtrfs.shared.newDirectory().appending("model")
      try runSuccessfully(["btrfs", "-q", "subvolume", "create", model.string])
      try AdoptableRoot.fill(model, mounting: "")
      target =
        try runSuccessfully(["sh", "-euc", Self.script, "sh", model.string], in: home).split(separator: "\n")
        .last.map(String.init) ?? ""
    }

    deinit {
      let script = """
        for place in deployment top root/home root; do umount --lazy "$place" 2>/dev/null; done
        partx --delete "$(cat loop-target)"; for loop in loop-*; do losetup --detach "$(cat "$loop")"; done
        cd / && rm -rf "$1"
        """
      _ = try? run(["sh", "-c", script, "sh", home.string], in: home)
    }

    /// A Debian that has GRUB for a BIOS, with /home on a file system of its own.
    private static let script = """
      for name in root home; do
        truncate -s 400M "$name.img"; mkfs.ext4 -q -F "$name.img"; losetup --find --show "$name.img" >"loop-$name"
      done
      truncate -s 4G target.img; losetup --find --show target.img >loop-target
      mount "$(cat loop-root)" root; mkdir root/home; mount "$(cat loop-home)" root/home
      cp -a "$1/." root; chattr +i root/etc/fixed; cd root; rm -rf lost+found
      cp -R --dereference --parents /usr/bin/grub-mkimage /usr/lib/grub/i386-pc $(ldd /usr/bin/grub-mkimage | grep -o '/[^ ]*') .
      cp usr/lib/grub/i386-pc/*.mod usr/lib/grub/i386-pc/*.lst boot/grub/i386-pc
      printf 'UUID=%s / ext4 errors=remount-ro 0 1\nUUID=%s /home ext4 defaults 0 2\nUUID=1234-ABCD /boot/efi vfat defaults 0 1\nLABEL=x /data ext4 noauto 0 2\n' \
        "$(blkid -s UUID -o value "$(cat ../loop-root)")" "$(blkid -s UUID -o value "$(cat ../loop-home)")" >etc/fstab
      cat ../loop-target
      """

    @discardableResult func script(_ text: String) throws -> String {
      try runSuccessfully(["sh", "-euc", text], in: home)
    }

    func migrate(_ arguments: String..., environment: [String: String] = [:]) throws -> CommandResult {
      try run(
        [AstBinary.path.string, "migrate", "--root", root.string] + arguments,
        environment: plainEnvironment.merging(environment) { $1 })
    }

    /// Turns the old system off.
    func turnOff() throws { try script("umount root/home root") }

    /// The start of the deployment: its /etc, and then its data. The power goes at a fail point of both.
    func start(failing point: Int? = nil) throws -> CommandResult {
      let environment = point.map { ["AST_FAIL_AT": "\($0)"] } ?? [:]
      try script(
        """
        umount deployment top 2>/dev/null || :
        mount -o subvolid=5 "$(cat loop-target)p3" top; mount -o subvol=@snapshots/deploy/1/root "$(cat loop-target)p3" deployment
        printf 'ran=1\nfrom=before\n' >top/@snapshots/ast/ran
        """)
      let start = """
        mount -t tmpfs none /run; if [ -e /dev/kmsg ]; then mount --bind /dev/null /dev/kmsg; fi
        exec "$0" --store "$1" boot-etc 1
        """
      _ = try run(
        ["unshare", "--mount", "sh", "-ec", start, AstBinary.path.string, top.appending("@snapshots").string],
        environment: plainEnvironment.merging(environment) { $1 })
      return try adopt("--finish", environment: environment)
    }

    func adopt(_ arguments: String..., environment: [String: String] = [:]) throws -> CommandResult {
      try run(
        [AstBinary.path.string, "adopt", "--root", home.appending("deployment").string] + arguments,
        environment: plainEnvironment.merging(environment) { $1 })
    }
  }

  @Test func whatIsChangedUntilTheStartComesAlong() throws {
    let disks = try Disks()
    let sums = "find . -xdev -type f ! -name 'custom.cfg*' -exec sha256sum {} + | sort -k2"
    let before = try disks.script("cd root; \(sums)")
    try disks.migrate("-y", "--disk", disks.target).expectSuccess()
    #expect(try disks.script("cd root; \(sums)") == before)
    #expect(try disks.script("cat root/boot/grub/custom.cfg").contains("`ast migrate --undo` takes it out"))

    // The second one is changed in place, and its time is set back.
    try disks.script(
      """
      cd root; echo more >>home/anna/file
      printf X | dd of=var/log/alpha/log conv=notrunc status=none; touch -d '2020-01-01' var/log/alpha/log
      rm srv/site/page; echo new >var/lib/alpha/db; ln var/lib/alpha/db var/lib/alpha/same; echo x >etc/new
      chattr +i home/anna/file
      """)
    try disks.turnOff()
    for point in [1, 2, 4, 8] { #expect(try disks.start(failing: point).signal == SIGKILL, "fail point \(point)") }
    let result = try disks.start().expectSuccess()
    #expect(result.stderr.contains("copying what was changed in /home\n"), "\(result)")
    let found = try disks.script(
      """
      cat top/@home/anna/link top/@var/log/alpha/log top/@var/lib/alpha/same deployment/etc/new
      ls top/@srv/site top/@root/.bashrc; stat -c %h top/@var/lib/alpha/db; lsattr top/@home/anna/file | cut -c5
      grep -v '^#' deployment/etc/fstab | cut -d' ' -f2- | head -4
      """)
    let expected = """
      precious
      more
      Xaid
      new
      x
      top/@root/.bashrc

      top/@srv/site:
      2
      i
      /data ext4 noauto 0 2
      /boot/efi vfat umask=0077,nofail 0 0
      / btrfs ro,noatime 0 0
      /.snapshots btrfs ro,nosuid,nodev,noatime,subvol=@snapshots 0 0

      """
    #expect(found == expected)
    let menu = try disks.script("cat top/@grub/ast/menu.cfg")
    #expect(menu.contains("menuentry 'Debian before ast'") && !menu.contains("ast.adopt"))
    #expect(try Consistency.problems(of: TestStore(existing: disks.top.appending("@snapshots"))) == [])
    #expect(try disks.script("fsck.ext4 -fn $(cat loop-root) >/dev/null; echo $?") == "0\n")
  }

  @Test func withoutTheOldDiskTheStartSaysSoAndCanBeDoneAgain() throws {
    let disks = try Disks()
    try disks.migrate("-y", "--disk", disks.target).expectSuccess()
    try disks.script("echo late >root/home/anna/late")
    try disks.turnOff()
    try disks.script("losetup --detach \"$(cat loop-home)\"")
    let result = try disks.start()
    #expect(result.status != 0 && result.stderr.contains("which was /home before ast, is not there"), "\(result)")
    try disks.script("losetup --find --show home.img >loop-home")
    try disks.adopt("--finish").expectSuccess()
    #expect(try disks.script("cat top/@home/anna/late") == "late\n")
  }

  @Test func theWayBackIsOneCommand() throws {
    let disks = try Disks()
    let none = try disks.migrate("--undo", "-y")
    #expect(none.status == 3 && none.stderr.contains("this system was not copied to another disk"), "\(none)")
    try disks.migrate("-y", "--disk", disks.target).expectSuccess()
    try disks.migrate("--undo", "-y").expectSuccess()
    #expect(try disks.script("ls root/boot/grub").contains("custom.cfg") == false)
    // The disk can be used again.
    try disks.migrate("-y", "--disk", disks.target).expectSuccess()
  }

  @Test func whatCannotBeCopiedIsRefusedAndSimulatingChangesNothing() throws {
    let disks = try Disks()
    let cases = [
      (
        "echo '/dev/sdz /srv ext4 defaults 0 0' >>root/etc/fstab", "sed -i /sdz/d root/etc/fstab",
        "/etc/fstab mounts /srv"
      ),
      ("mv root/usr/lib/grub/i386-pc x", "mv x root/usr/lib/grub/i386-pc", "there is no GRUB for a BIOS"),
      (
        "cp root/boot/grub/i386-pc/normal.mod x; echo >>root/boot/grub/i386-pc/normal.mod",
        "mv x root/boot/grub/i386-pc/normal.mod", "the GRUB on the disk is not the one of the package grub-pc-bin"
      ),
      (
        "truncate -s 1G target.img; losetup --set-capacity $(cat loop-target)",
        "truncate -s 4G target.img; losetup --set-capacity $(cat loop-target)", "has 1024 MiB, and this system needs"
      ),
    ]
    for (change, back, reason) in cases {
      try disks.script(change)
      let result = try disks.migrate("-y", "--disk", disks.target)
      #expect([5, 7].contains(result.status) && result.stderr.contains(reason), "\(result)")
      #expect(result.stderr.contains("nothing was changed"), "\(result)")
      try disks.script(back)
    }
    let result = try disks.migrate("-n", "--disk", disks.target)
    let used = result.stdout.split(separator: "\n").dropFirst().first?.split(separator: " ").dropFirst(3).first ?? ""
    #expect(
      result.stdout == """
        Would be copied:
        From:         /, /home, \(used) MiB in use, which stay as they are
        To:           \(disks.target) (4096 MiB): everything on it will be lost
        As they are:  /data
        Changes:      what is changed until the next start is copied then, from the old disk
        If it fails:  the machine boots "Debian before ast" again after three tries

        """, "\(result)")
    #expect(try run(["blkid", disks.target]).status == 2)
  }
}
