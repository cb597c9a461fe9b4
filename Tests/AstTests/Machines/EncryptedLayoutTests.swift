import FoundationEssentials
import Glibc
import SystemPackage
import TestSupport
import Testing

/// `adopt` where the root is encrypted and /boot is not. The kernel of the host may have no device mapper, so a directory
/// that looks like one of a LUKS volume is in the place of the disk's in /sys. `Tests/Boot` starts such a machine.
@Suite("adopt, encrypted root", .requiresRoot)
struct EncryptedLayoutTests {
  private static let hook = "root/boot/grub/custom.cfg"
  private static let line = "vda3_crypt UUID=01234567-89ab-cdef-0123-456789abcdef none luks,discard"

  /// A disk with the table of encrypted disks that Debian's installer writes.
  private func encryptedDisk(part: LayoutDisk.Part? = .boot) throws -> LayoutDisk {
    let disk = try LayoutDisk(part: part)
    try disk.script("printf '%s\\n' '# mine' \"$1\" >root/etc/crypttab", Self.line)
    try disk.script(
      """
      mkdir -p sys/dm; echo vda3_crypt >sys/dm/name
      echo CRYPT-LUKS2-0123456789abcdef0123456789abcdef-vda3_crypt >sys/dm/uuid
      """)
    return disk
  }

  /// Runs `ast adopt` in the old system, or with `root` in another one.
  private func adopt(
    _ disk: LayoutDisk, _ arguments: String..., root: FilePath? = nil, environment: [String: String] = [:]
  ) throws -> CommandResult {
    let script = "mount --bind sys \"$(realpath \"/sys/class/block/$(basename \"$(cat loop1)\")\")\"; exec \"$@\""
    let command = [AstBinary.path.string, "adopt", "--root", (root ?? disk.root).string] + arguments
    return try run(
      ["unshare", "--mount", "sh", "-euc", script, "sh"] + command,
      environment: plainEnvironment.merging(environment) { $1 }, in: disk.home)
  }

  /// The files on the ext4 with their contents.
  private func sums(in disk: LayoutDisk) throws -> String {
    try disk.script(
      "cd other; find . -printf '%y %m %p ' -exec sh -c 'sha256sum <\"$1\" 2>/dev/null || echo' sh {} ';' | sort")
  }

  private func read(_ file: String, asGRUBOn disk: LayoutDisk) throws -> String {
    try disk.script(
      "disk=$(cat loop-ext4); sync; blockdev --flushbufs \"$disk\"; grub-fstest \"$disk\" cat \"$1\"", file)
  }

  @Test func gRUBReadsCopiesOnBootAndUndoingLeavesNone() throws {
    let disk = try encryptedDisk()
    let before = try sums(in: disk)
    let plan = try adopt(disk, "-n").expectSuccess().stdout
    #expect(
      plan.contains(
        "Boot:            GRUB reads copies of kernels in /boot/ast, because the root is encrypted (vda3_crypt)\n"),
      "\(plan)")
    #expect(try sums(in: disk) == before)
    try adopt(disk, "-y").expectSuccess()

    // From the hook to the kernel, all is on the ext4.
    let uuid = try disk.uuid(of: disk.other)
    let hook = try disk.hookForGRUB()
    #expect(hook.contains("--set=ast_disk '\(uuid)'\n"), "\(hook)")
    #expect(hook.contains("set prefix=\"($ast_disk)/ast/grub\"\n"), "\(hook)")
    #expect(try read("/ast/grub/grub.cfg", asGRUBOn: disk).contains("source $prefix/ast/menu.cfg"))
    let menu = try read("/ast/grub/ast/slot-0/menu.cfg", asGRUBOn: disk)
    #expect(menu.contains("ast.deployment=1") && menu.contains("ast.adopt"), "\(menu)")
    #expect(menu.contains("--set=root '\(uuid)'\n  set prefix=\"($root)\"'/grub'"), "\(menu)")
    #expect(try disk.script("cat other/ast/grub/i386-pc/normal.mod; ls -A top/@grub") == "a module\n")
    let copies = try disk.script("cd other/ast/boot; for file in *; do cat $file; done | sort; stat -c %a . ..")
    #expect(copies == "a kernel\nan initrd\n700\n700\n")
    for name in try disk.script("ls other/ast/boot").split(separator: "\n") {
      #expect(menu.contains("/ast/boot/\(name)"))
    }

    // A deployment mounts it beside its own /boot, and the initrds that are made in it open the root.
    let table = try #require(disk.text("top/@snapshots/deploy/1/root/etc/fstab"))
    #expect(table.contains("UUID=\(uuid) /boot/loader ext4 ") && !table.contains(" /boot "), "\(table)")
    let encrypted = try #require(disk.text("top/@snapshots/deploy/1/root/etc/crypttab"))
    #expect(
      encrypted == "# mine\n\(Self.line),initramfs\n" && disk.text("root/etc/crypttab") == "# mine\n\(Self.line)\n")
    let record = try #require(disk.text("top/@snapshots/ast/boot-volume.json"))
    #expect(record.contains("01234567-89ab-cdef-0123-456789abcdef") && record.contains(uuid), "\(record)")

    try adopt(disk, "--undo").expectSuccess()
    #expect(try sums(in: disk) == before)
    #expect(try disk.script("ls -A top") == "@rootfs\n")
  }

  @Test func whatADeploymentHasUsedStaysAfterUndoing() throws {
    let disk = try encryptedDisk()
    try adopt(disk, "-y").expectSuccess()
    try disk.inDeployment("--finish").expectSuccess()
    let record = try #require(disk.text("top/@snapshots/ast/adoption.json"))
    struct Noted: Decodable { let leftBehind: [String] }
    #expect(try JSONDecoder().decode(Noted.self, from: Data(record.utf8)).leftBehind == [])
    let said = try disk.inDeployment("--undo").expectSuccess().stdout
    #expect(said.contains("of the file system, with copies of kernels in /boot/ast.\n"), "\(said)")
    #expect(disk.text(Self.hook) == nil)
    #expect(try disk.script("ls other/ast/boot | wc -l") == "2\n")
  }

  /// Whenever it is killed, the machine boots the old system or the deployment; the next command needs nothing else.
  @Test func aKilledAdoptionLeavesNothingOnBoot() throws {
    let disk = try encryptedDisk()
    let before = try sums(in: disk)
    for point in [
      "boot volume recorded", "boot loader's files copied", "boot loader file in place", "boot file copied",
      "menu published", "boot loader file written",
    ] {
      let killed = try adopt(disk, "-y", environment: ["AST_FAIL_AT": point])
      #expect(killed.signal == SIGKILL, "\(point): \(killed)")
      #expect(disk.text(Self.hook) == nil, "\(point)")
      try adopt(disk, "--undo").expectSuccess()
      #expect(try sums(in: disk) == before, "\(point)")
    }
    try adopt(disk, "-y").expectSuccess()
    let killed = try adopt(disk, "--undo", environment: ["AST_FAIL_AT": "boot files removed"])
    #expect(killed.signal == SIGKILL && disk.text(Self.hook) == nil, "\(killed)")
    try adopt(disk, "-y").expectSuccess()
    #expect(try disk.hookForGRUB().hasPrefix("### BEGIN ast:"))
    try adopt(disk, "--undo").expectSuccess()
    #expect(try sums(in: disk) == before)
  }

  @Test func whatWouldNotStartIsRefused() throws {
    let whole = try encryptedDisk(part: nil)
    let noBoot = try adopt(whole, "-n")
    #expect(
      noBoot.status == 5
        && noBoot.stderr.hasPrefix(
          "ast: the root file system is encrypted (/dev/mapper/vda3_crypt), so GRUB cannot read the kernels in it, and "
            + "/boot is a part of it; nothing was changed\n     copy /boot to an ext4"),
      "\(noBoot)")

    let disk = try encryptedDisk()
    let before = try sums(in: disk)
    try disk.script("mv root/etc/crypttab table")
    let noLine = try adopt(disk, "-y")
    #expect(
      noLine.status == 5
        && noLine.stderr.contains(
          "add the line `vda3_crypt UUID=01234567-89ab-cdef-0123-456789abcdef none luks`\n"),
      "\(noLine)")
    try disk.script("mv table root/etc/crypttab")

    // cryptsetup-initramfs is there, and made an initrd without the disk.
    let initrd = "root/boot/initrd.img-\(AdoptableRoot.version)"
    try disk.script("cp \"$1\" initrd", initrd)
    let files = CpioArchive.bytes(["init", "usr/sbin/cryptsetup", "scripts/local-top/cryptroot"], content: "x")
    try Data(files).write(to: URL(filePath: disk.home.pushing(FilePath(initrd)).string))
    let mute = try adopt(disk, "-y")
    #expect(
      mute.status == 5 && mute.stderr.contains("lacks cryptroot/crypttab: the root could not be mounted"), "\(mute)")

    // With the key of the disk in it, everybody could read the copy.
    let opening = ["init", "usr/sbin/cryptsetup", "scripts/local-top/cryptroot", "cryptroot/crypttab"]
    let open = CpioArchive.bytes(opening + ["cryptroot/keyfiles/vda3_crypt.key"], content: "x")
    try Data(open).write(to: URL(filePath: disk.home.pushing(FilePath(initrd)).string))
    let key = try adopt(disk, "-y")
    #expect(
      key.status == 5
        && key.stderr.contains("has the key file cryptroot/keyfiles/vda3_crypt.key, and /boot/loader is not encrypted")
        && key.stderr.contains("     keep the key out of the initrd (/etc/cryptsetup-initramfs/conf-hook), and adopt"),
      "\(key)")
    try disk.script("cat initrd >\"$1\"", initrd)

    try disk.script("head -c 90M /dev/zero >other/large")
    let full = try adopt(disk, "-y")
    #expect(full.status == 7 && full.stderr.hasPrefix("ast: /boot has "), "\(full)")
    try disk.script("rm other/large")
    #expect(try sums(in: disk) == before && disk.script("ls -A top") == "@rootfs\n")
    try adopt(disk, "-n").expectSuccess()
  }
}
