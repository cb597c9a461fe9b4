import FoundationEssentials
import Glibc
import SnapshotTree
import SystemPackage
import TestSupport
import Testing

/// `adopt` on the disk layouts that people have, beyond one btrfs. `Tests/Boot` starts such machines.
@Suite("adopt, layouts", .requiresRoot)
struct LayoutTests {
  // MARK: /boot on an ext4

  private static let hook = "root/boot/grub/custom.cfg"

  @Test func anExt4AtBootStaysTheOldSystems() throws {
    let disk = try LayoutDisk(part: .boot)
    let plan = try disk.adopt("-n").expectSuccess().stdout
    #expect(
      plan.contains("As it is:        /boot, for \"Debian before ast\"; the deployments have their own\n"), "\(plan)")
    #expect(!plan.contains("As they are:"), "\(plan)")
    let before = try sums(of: "other", in: disk)
    try disk.adopt("-y").expectSuccess()

    // The hook is what GRUB reads, on the ext4; nothing else changes there.
    let uuid = try disk.uuid(of: disk.other)
    let hook = try disk.hookForGRUB()
    #expect(hook.hasPrefix("### BEGIN ast:") && disk.text(Self.hook) == hook)
    #expect(try sums(of: "other", in: disk) == before)
    #expect(disk.text("top/@rootfs/boot/grub/custom.cfg") == nil)
    // The deployment has the kernels, and no line for /boot.
    let kernels = try disk.script("ls top/@snapshots/deploy/1/root/boot; ls -A top/@rootfs/boot")
    #expect(kernels == "grub\ninitrd.img-\(AdoptableRoot.version)\nvmlinuz-\(AdoptableRoot.version)\n")
    let table = try #require(disk.text("top/@snapshots/deploy/1/root/etc/fstab"))
    #expect(!table.contains(" /boot ") && table.contains(" /boot/grub btrfs"), "\(table)")
    let menu = try #require(disk.text("top/@grub/ast/menu.cfg"))
    #expect(
      menu.contains("search --no-floppy --fs-uuid --set=root '\(uuid)'\n  set prefix=\"($root)\"'/grub'"), "\(menu)")
    #expect(try Consistency.problems(of: disk.store) == [])

    // Back, on, and back from a deployment, in which that file system is not mounted.
    try disk.adopt("--undo").expectSuccess()
    #expect(disk.text(Self.hook) == nil)
    #expect(try disk.script("ls -A top") == "@rootfs\n")
    try disk.adopt("-y").expectSuccess()
    try disk.inDeployment("--finish").expectSuccess()
    try disk.script("umount root/boot other")
    try disk.inDeployment("--undo").expectSuccess()
    try disk.script("mount \"$(cat loop-ext4)\" root/boot; mount \"$(cat loop-ext4)\" other")
    #expect(disk.text(Self.hook) == nil)
    #expect(try sums(of: "other", in: disk) == before)
  }

  @Test func whatTheAdminHasInCustomCfgOfAnExt4Stays() throws {
    let disk = try LayoutDisk(part: .boot)
    try disk.script("echo set mine=1 >\"$1\"; chmod 640 \"$1\"", Self.hook)
    try disk.adopt("-y").expectSuccess()
    #expect(try #require(disk.text(Self.hook)).hasSuffix("### END ast\nset mine=1\n"))
    #expect(
      try disk.script("ls root/boot/grub; stat -c %a \"$1\"", Self.hook)
        == "custom.cfg\nfonts\ngrub.cfg\ni386-pc\n640\n")
    try disk.adopt("--undo").expectSuccess()
    #expect(disk.text(Self.hook) == "set mine=1\n")
  }

  @Test func forgettingLeavesTheExt4() throws {
    let disk = try LayoutDisk(part: .boot)
    try disk.adopt("-y").expectSuccess()
    try disk.inDeployment("--finish").expectSuccess()
    try TreeDatabase(opening: disk.store.database, .writing).write { try $0.setState(.good, of: DeploymentID(1)) }
    let uuid = try disk.uuid(of: disk.other)
    try disk.script("umount root/boot root; rm -rf top/@rootfs/var/lib/machines")
    let before = try sums(of: "other", in: disk)
    let said = try disk.inDeployment("--forget", "-y").expectSuccess().stdout
    let kept = "the file system that was its /boot (UUID=\(uuid))"
    #expect(said == "\"Debian before ast\" was deleted, except \(kept): this machine starts from it.\n")
    #expect(try disk.script("ls -A top/@rootfs") == "boot\n")
    #expect(try sums(of: "other", in: disk) == before)
    #expect(try disk.script("head -c 13 other/grub/custom.cfg") == "### BEGIN ast")
  }

  /// Killed at each step, GRUB reads the old file or the new one.
  @Test func theHookOnAnExt4IsOldOrNew() throws {
    let disk = try LayoutDisk(part: .boot)
    try disk.script("echo set mine=1 >\"$1\"", Self.hook)
    let trace = disk.home.appending("trace")
    try disk.adopt("-y", environment: ["AST_FAIL_TRACE": trace.string]).expectSuccess()
    let hook = try #require(disk.text(Self.hook))
    let points = try #require(disk.text("trace")).split(separator: "\n").map(String.init)
    let done = ["boot loader file in place", "old boot loader file removed", "boot hook committed"]
    let places = points.indices.filter {
      (done + ["boot loader file written", "other file systems read"]).contains(points[$0])
    }
    #expect(places.count == 5)
    for index in places {
      try disk.adopt("--undo").expectSuccess()
      let killed = try disk.adopt("-y", environment: ["AST_FAIL_AT": "\(index + 1)"])
      #expect(killed.signal == SIGKILL, "\(killed)")
      let isDone = done.contains(points[index])
      let read = try disk.hookForGRUB()
      #expect(read == (isDone ? hook : "set mine=1\n"), "killed at '\(points[index])'")
      if !isDone { try disk.adopt("-y").expectSuccess() }
    }
  }

  // MARK: /var on another file system

  @Test func aVarOfItsOwnIsSharedAsItIs() throws {
    let disk = try LayoutDisk(part: .var)
    #expect(try disk.script("find other -inum 256 -type d | wc -l") == "1\n")
    let plan = try disk.adopt("-n").expectSuccess().stdout
    #expect(plan.contains("New subvolumes:  @snapshots, @grub, @home, @root, @srv\n"), "\(plan)")
    #expect(plan.contains("As they are:     /var\n"), "\(plan)")
    let before = try sums(of: "other", in: disk)
    try disk.adopt("-y").expectSuccess()
    #expect(try sums(of: "other", in: disk) == before)

    // A node has the same as if /var were in the root, and no data.
    let node = try disk.store.content(of: 1)
    let there = try runSuccessfully(
      [
        "sh", "-c",
        "find var -type f | LC_ALL=C sort; find var/lib/beta/many | wc -l; cat usr/lib/sysimage/debconf/config.dat",
      ],
      in: node)
    #expect(there == "var/lib/machines/file\nvar/lib/small\nvar/nocow\n301\nanswers\n")
    #expect(try runSuccessfully(["readlink", "var/lib/dpkg"], in: node) == "../../usr/lib/sysimage/dpkg\n")
    #expect(try runSuccessfully(["grep", "-c", "^Package:", "usr/lib/sysimage/dpkg/status"], in: node) != "0\n")
    let table = try #require(disk.text("top/@snapshots/deploy/1/root/etc/fstab"))
    #expect(table.contains("/var ext4 defaults 0 2\n") && !table.contains("subvol=@var"), "\(table)")

    // Until a deployment starts, all of it can be taken back.
    try disk.adopt("--undo").expectSuccess()
    #expect(try disk.script("ls -A top") == "@rootfs\n")
    try disk.adopt("-y").expectSuccess()
    try disk.inDeployment("--finish").expectSuccess()
    #expect(try sums(of: "other", in: disk) == before)
    try disk.script("sed -i 's/2:0.5/2:0.6/' root/var/lib/dpkg/status")
    try disk.bootVar().expectSuccess()
    try expectShared(disk)
    struct Noted: Decodable { let leftBehind: [String] }
    let record = try #require(disk.text("top/@snapshots/ast/adoption.json"))
    #expect(try JSONDecoder().decode(Noted.self, from: Data(record.utf8)).leftBehind == ["the package beta"])
    #expect(try Consistency.problems(of: disk.store) == [])
    // A second start has nothing to do.
    #expect(try disk.bootVar().expectSuccess().stderr == "")
    try expectShared(disk)
  }

  /// Both systems have their own packages, and all the other data are one.
  private func expectShared(_ disk: LayoutDisk) throws {
    #expect(
      try disk.script("readlink other/lib/dpkg other/cache/debconf other/lib/ucf") == """
        ../../usr/lib/sysimage/dpkg
        ../../usr/lib/sysimage/debconf
        ../../usr/lib/sysimage/ucf

        """)
    let question = """
      grep -c 2:0.6 "$1/usr/lib/sysimage/dpkg/status" || :; cat "$1/usr/lib/sysimage/debconf/config.dat"
      find "$1/usr/lib/sysimage" -name '.ast-*'; test -d "$1/usr/lib/sysimage/ucf"
      """
    #expect(try disk.script(question, "top/@rootfs") == "1\nanswers\n")
    #expect(try disk.script(question, "top/@snapshots/deploy/1/root") == "0\nanswers\n")
    let audit = try run(["dpkg", "--root=\(disk.root)", "--audit"])
    #expect(audit.status == 0 && audit.stdout == "", "\(audit)")
    #expect(
      try disk.script("cat other/log/alpha/log other/lib/machines/file; ls -A other/lib | grep ast || :")
        == "said\ninner\n")
  }

  @Test func theStateOfPackagesIsInOnePlaceAtEachMoment() throws {
    let trace = FilePath("/tmp/ast-layout-trace-\(getpid())")
    defer { unlink(trace.string) }
    try adoptedVar().bootVar(environment: ["AST_FAIL_TRACE": trace.string]).expectSuccess()
    let points = try String(contentsOfFile: trace.string, encoding: .utf8).split(separator: "\n").map(String.init)
    let moves = points.indices.filter { points[$0].contains("state") }
    // The other directories move like the first one.
    #expect(moves.prefix(2).map { points[$0] } == ["state copied", "state is a link"])
    for index in moves.prefix(2) {
      let disk = try adoptedVar()
      let killed = try disk.bootVar(environment: ["AST_FAIL_AT": "\(index + 1)"])
      #expect(killed.signal == SIGKILL, "\(killed)")
      // The old system starts.
      let status = try disk.script("grep -c 2:0.6 root/var/lib/dpkg/status; cat root/var/cache/debconf/config.dat")
      #expect(status == "1\nanswers\n", "killed at '\(points[index])'")
      try disk.bootVar().expectSuccess()
      try expectShared(disk)
    }
  }

  private func adoptedVar() throws -> LayoutDisk {
    let disk = try LayoutDisk(part: .var)
    try disk.adopt("-y").expectSuccess()
    try disk.inDeployment("--finish").expectSuccess()
    try disk.script("sed -i 's/2:0.5/2:0.6/' root/var/lib/dpkg/status")
    return disk
  }

  // MARK: Other kinds of roots

  @Test func aBtrfsOnTwoDevicesIsReadAsOne() throws {
    let disk = try LayoutDisk(devices: 2)
    let loops = try disk.script("echo $(cat loop1), $(cat loop2)").dropLast()
    let plan = try disk.adopt("-n").expectSuccess().stdout
    #expect(plan.contains("Boot:            GRUB reads the btrfs on all of \(loops)\n"), "\(plan)")
    try disk.adopt("-y").expectSuccess()
  }

  /// GRUB compares each file on all disks: of an altered one, no deployment is made.
  @Test func whatGRUBCannotReadOnTwoDevicesIsNotDeployed() throws {
    let disk = try LayoutDisk(devices: 2)
    try disk.adopt("-y").expectSuccess()
    let script = """
      printf '#!/bin/sh\\necho "$@" >>%s/said\\nexit 1\\n' "$PWD" >grub-fstest; chmod +x grub-fstest
      mount --bind grub-fstest /usr/bin/grub-fstest; exec "$@"
      """
    let command = [AstBinary.path.string, "--store", disk.store.root.string, "deploy", "1"]
    let result = try run(["unshare", "--mount", "sh", "-ec", script, "sh"] + command, in: disk.home)
    #expect(result.status == 1 && result.stderr.contains("GRUB cannot read"), "\(result)")
    let said = try #require(disk.text("said"))
    let loops = try disk.script("echo $(cat loop1) $(cat loop2)").dropLast()
    #expect(said.hasPrefix("--diskcount=2 --root=loop0 \(loops) cmp /@snapshots/deploy/."), "\(said)")
  }

  @Test(arguments: [["-n"], ["-y"], ["--undo"], ["--forget", "-y"]])
  func aRootThatIsNotThereIsRefused(options: [String]) throws {
    let result = try run([AstBinary.path.string, "adopt", "--root", "/nonexistent"] + options)
    #expect(result.status == 5 && result.stderr.contains("/nonexistent"), "\(result)")
  }

  @Test func anExt4RootIsToldHowToBecomeABtrfs() throws {
    let disk = try LayoutDisk(part: .boot)
    let result = try run([AstBinary.path.string, "adopt", "--root", disk.other.string, "-n"])
    #expect(result.status == 5, "\(result)")
    let device = try disk.script("cat loop-ext4").dropLast()
    #expect(
      result.stderr == """
        ast: the root file system (\(disk.other)) is not a btrfs; nothing was changed
             `ast migrate --disk` copies this system to another disk; or `btrfs-convert --uuid copy \(device)` in a \
        rescue system makes it a btrfs

        """)
  }

  /// The root is at the top level then, with the blocks of the ext4 beside it.
  @Test func aConvertedExt4IsSaidToKeepItsBlocks() throws {
    let disk = try LayoutDisk()
    try disk.script(
      """
      cp -a root copy; umount root top; mkfs.ext4 -q -F "$(cat loop1)"; mount "$(cat loop1)" top; cp -a copy/. top
      sed -i "s|.* / .*|UUID=$(blkid --probe --match-tag UUID --output value "$(cat loop1)") / ext4 errors=remount-ro 0 1|" \
        top/etc/fstab
      """)
    try disk.script(
      "umount top; btrfs-convert --uuid copy \"$(cat loop1)\"; mount \"$(cat loop1)\" top; mount --bind top root")
    let refused = try disk.adopt("-n")
    #expect(refused.status == 5 && refused.stderr.hasPrefix("ast: /etc/fstab says that / is ext4"), "\(refused)")
    try disk.script("sed -i 's| / .*| / btrfs defaults 0 0|' root/etc/fstab")
    let plan = try disk.adopt("-n").expectSuccess().stdout
    let loop = try disk.script("cat loop1").dropLast()
    let row = try #require(plan.split(separator: "\n").first { $0.hasPrefix("Old ext4:") }, "\(plan)")
    #expect(row.hasPrefix("Old ext4:        ext2_saved keeps "))
    #expect(
      row.hasSuffix(
        " MiB of the ext4 from before; `mount -o subvolid=5 \(loop) /mnt && btrfs subvolume delete /mnt/ext2_saved` deletes "
          + "it, and `btrfs balance start -mconvert=dup /mnt` keeps the metadata twice"), "\(row)")
    #expect(!plan.contains("Left behind:") && !plan.contains("/ext2_saved,"), "\(plan)")
    try disk.adopt("-y").expectSuccess()
    try disk.inDeployment("--finish").expectSuccess()
    try TreeDatabase(opening: disk.store.database, .writing).write { try $0.setState(.good, of: DeploymentID(1)) }
    try disk.script("umount --lazy root top")
    let said = try disk.inDeployment("--forget", "-y").expectSuccess().stdout
    #expect(said.contains("\next2_saved keeps "), "\(said)")
    // The advice works as it stands.
    let advice = "mount -o subvolid=5 \"$(cat loop1)\" top; btrfs subvolume delete top/ext2_saved"
    try disk.script("\(advice); btrfs balance start -mconvert=dup top; umount top")
    let again = try disk.inDeployment("--forget", "-y").expectSuccess().stdout
    #expect(!again.contains("ext2_saved"), "\(again)")
  }

  /// The content of a directory, except the hook.
  private func sums(of directory: String, in disk: LayoutDisk) throws -> String {
    try disk.script(
      """
      cd "$1"; find . -xdev ! -name 'custom.cfg*' '(' -type f -printf '%m %U:%G %n %p ' -exec sha256sum -b '{}' ';' -o \
        -printf '%y %m %U:%G %l %p\\n' ')' | LC_ALL=C sort
      """, directory)
  }
}
