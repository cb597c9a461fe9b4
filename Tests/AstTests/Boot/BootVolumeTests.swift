import FoundationEssentials
import Glibc
import SystemPackage
import TestSupport
import Testing

/// Kernels and the menu on a file system of their own, because GRUB cannot read the store.
@Suite("Boot volume", .requiresRoot)
struct BootVolumeTests {
  @Test func theMenuNamesCopiesThatDeploymentsShare() throws {
    let disk = try BootVolumeDisk()
    try disk.store.ast("deploy", "1").expectSuccess()
    let first = try disk.copies()
    #expect(first.count == 2)
    #expect(try disk.named() == first)
    #expect(try disk.wrongCopies() == [])
    let place = disk.volume.appending("ast/boot").string
    #expect(try runSuccessfully(["find", place, "-type", "f", "-printf", "%m\n"]) == "600\n600\n")
    let menu = try #require(try disk.menu())
    #expect(Set(menu.keys) == ["menu.cfg", "tree-1.cfg"])
    #expect(menu["menu.cfg"]?.contains("--set=root '\(disk.uuid)'") ?? false)
    #expect(menu["menu.cfg"]?.contains("/slot-0/tree-1.cfg") ?? false)
    // The store has no menu besides.
    #expect(try MenuFiles(of: disk.store).texts == [:])

    try disk.store.ast("deploy", "1").expectSuccess()
    #expect(try disk.copies() == first)
    #expect(try disk.menu()?["menu.cfg"]?.contains("/slot-1/tree-1.cfg") ?? false)

    try disk.makeInitrd(in: 1)
    #expect(try disk.copies().count == 3)
    #expect(try disk.named() == disk.copies())
  }

  @Test func trialsAreLeftOutFirstAndARefusalSaysWhatWouldHaveToGo() throws {
    let disk = try BootVolumeDisk(megabytes: 24)
    try disk.makeInitrd(in: 1, bytes: 5_000_000)
    try disk.store.ast("deploy", "1").expectSuccess()
    try disk.store.ast("clone", "1", "other").expectSuccess()
    try disk.makeInitrd(in: 2, bytes: 5_000_000)
    #expect(try disk.named() == disk.copies())
    #expect(try disk.menu()?["tree-1.cfg"]?.contains("ast-trial-2") ?? false)
    try disk.makeInitrd(in: 1, bytes: 5_000_000)
    try disk.store.ast("deploy", "1").expectSuccess()
    #expect(try disk.wrongCopies() == [])
    // Now the trial of node 2 would take the room of the next deployment.
    #expect(try !(disk.menu()?["tree-1.cfg"]?.contains("ast-trial-2") ?? true))
    let status = try disk.store.ast("status").expectSuccess()
    #expect(
      status.stdout.contains("Boot loader:  node 2 is not in the boot menu: /boot/loader has no room"), "\(status)")

    try disk.makeInitrd(in: 1, bytes: 9_000_000)
    let (before, menu) = (try disk.copies(), try disk.menu())
    let refused = try disk.store.ast("deploy", "1")
    #expect(refused.status == 7, "\(refused)")
    #expect(
      refused.stderr.contains("ast: the boot files need 10 MB, and /boot/loader has room for ")
        && refused.stderr.contains("MB; nothing was changed"), "\(refused)")
    #expect(refused.stderr.contains("deployment 1 (6 MB), deployment 2 (6 MB)"), "\(refused)")
    #expect(try disk.copies() == before && disk.menu() == menu)
  }

  @Test func doctorMakesCopiesAgainThatAreDamagedOrMissing() throws {
    let disk = try BootVolumeDisk()
    try disk.store.ast("deploy", "1").expectSuccess()
    let before = try disk.copies()
    #expect(try disk.store.ast("doctor").expectSuccess().stdout == "")
    let (changed, gone) = (try #require(before.min()), try #require(before.max()))
    let place = disk.volume.appending("ast/boot")
    // As long as before: only its content shows it.
    try runSuccessfully(["sh", "-c", "printf x | dd of=$0 conv=notrunc status=none; rm $1", changed, gone], in: place)
    #expect(try disk.wrongCopies() != [])
    let found = try disk.store.ast("doctor").expectSuccess().stdout
    #expect(found == "repaired  /boot/loader/ast/boot/\(changed), which the boot menu names, was damaged\n")
    #expect(try disk.wrongCopies() == [] && disk.copies() == before)
    #expect(try disk.store.ast("doctor").expectSuccess().stdout == "")
  }

  /// The disk reports an error at the first reading, by sha256sum(1) and by ast itself.
  @Test func doctorMakesACopyAgainThatCannotBeRead() throws {
    let disk = try BootVolumeDisk()
    try disk.store.ast("deploy", "1").expectSuccess()
    let before = try disk.copies()
    // As ast sees it, which has the volume on a mount of its own.
    let copy = FilePath("/ast/boot").appending(try #require(before.min()))
    let programs = try LoopBtrfs.shared.newDirectory()
    let failing = "#!/bin/sh\nmkdir $0.failed 2>/dev/null && exit 1\nexec /usr/bin/sha256sum \"$@\"\n"
    try Data(failing.utf8).write(to: URL(filePath: programs.appending("sha256sum").string))
    try runSuccessfully(["chmod", "+x", programs.appending("sha256sum").string])
    let doctor = [
      "env", "PATH=\(programs):/usr/sbin:/usr/bin:/sbin:/bin", "strace", "-qq", "-o", "/dev/null", "-P", copy.string,
      "-e", "trace=pread64", "-e", "signal=none", "-e", "inject=pread64:error=EIO:when=1", AstBinary.path.string,
      "--store", disk.store.root.string, "doctor",
    ]
    let found = try runSuccessfully(doctor)
    #expect(found.contains("which the boot menu names, was damaged\n"), "\(found)")
    #expect(try disk.wrongCopies() == [] && disk.copies() == before)
    #expect(try disk.store.ast("doctor").expectSuccess().stdout == "")
    // A program that fails says nothing about the disk.
    try runSuccessfully(["rmdir", programs.appending("sha256sum.failed").string])
    let failed = try run(["env", "PATH=\(programs):/usr/sbin:/usr/bin:/sbin:/bin"] + doctor.suffix(4))
    #expect(failed.status == 1 && failed.stderr.contains("sha256sum"), "\(failed)")
    #expect(try disk.wrongCopies() == [] && disk.copies() == before)
  }

  private static let opening = ["init", "usr/sbin/cryptsetup", "scripts/local-top/cryptroot"]

  private func setInitrd(of node: Int, _ files: [String], on disk: BootVolumeDisk) throws {
    try disk.store.ast(
      ["-q", "run", "\(node)", "sh", "-c", "cat >/boot/initrd.img-\(BootDisk.version)"],
      input: String(decoding: CpioArchive.bytes(files, content: "x"), as: UTF8.self)
    ).expectSuccess()
  }

  @Test func anInitrdThatCannotOpenTheDiskIsNeitherDeployedNorInTheMenu() throws {
    let disk = try BootVolumeDisk(isEncrypted: true)
    try setInitrd(of: 1, Self.opening + ["cryptroot/crypttab"], on: disk)
    try disk.store.ast("deploy", "1").expectSuccess()
    try disk.store.ast("clone", "1", "other").expectSuccess()
    #expect(try disk.menu()?["tree-1.cfg"]?.contains("ast-trial-2") ?? false)

    try setInitrd(of: 2, Self.opening, on: disk)
    #expect(try !(disk.menu()?["tree-1.cfg"]?.contains("ast-trial-2") ?? true))
    #expect(try disk.menu()?["tree-1.cfg"]?.contains("ast-trial-1") ?? false)
    #expect(try disk.named() == disk.copies())
    let status = try disk.store.ast("status").expectSuccess()
    #expect(
      status.stdout.contains(
        "Boot loader:  node 2 is not in the boot menu: its initrd lacks cryptroot/crypttab\n"), "\(status)")
    for words in [["deploy", "2"], ["deploy", "-n", "2"]] {
      let refused = try disk.store.ast(words)
      #expect(refused.status == 5)
      #expect(
        refused.stderr.contains("in node 2 lacks cryptroot/crypttab: the root could not be mounted"), "\(refused)")
    }
  }

  @Test func aKeyInAnInitrdIsNotCopiedUnlessAllowed() throws {
    let disk = try BootVolumeDisk()
    try disk.store.ast("deploy", "1").expectSuccess()
    let before = try disk.copies()
    let key = "cryptroot/keyfiles/ast.key"
    try setInitrd(of: 1, ["init", key], on: disk)
    // The trial of node 1 has the key, so it is not copied either.
    #expect(try disk.copies() == before)
    let status = try disk.store.ast("status").expectSuccess()
    #expect(
      status.stdout.contains("its initrd has the key file \(key), and /boot/loader is not encrypted\n"), "\(status)")
    let refused = try disk.store.ast("deploy", "1")
    #expect(refused.status == 5)
    #expect(
      refused.stderr.hasSuffix(
        """
        ast: the initrd of node 1 has the key file \(key), and /boot/loader is not encrypted: whoever has the disk could read it; nothing was changed
             keep the key out of the initrd; `ast deploy --allow-key-in-initrd 1` copies it nevertheless

        """), "\(refused)")
    #expect(try disk.copies() == before)

    try disk.store.ast("deploy", "--allow-key-in-initrd", "1").expectSuccess()
    #expect(try disk.copies().count == before.count + 1)
    #expect(try disk.menu()?["tree-1.cfg"]?.contains("ast-trial-1") ?? false)
  }

  /// The menu never names a copy that is missing or incomplete, and the next command tidies up.
  @Test func killedDeploymentsLeaveAMenuThatBoots() throws {
    let disk = try BootVolumeDisk()
    try disk.store.ast("deploy", "1").expectSuccess()
    let change = ["run", "1"] + BootVolumeDisk.makingInitrd(of: 90_000)
    for (command, point) in [
      (change, "boot loader file written"), (change, "boot loader file in place"), (change, "boot file copied"),
      (change, "boot file removed"), (["deploy", "1"], "sealed"), (["deploy", "1"], "menu written"),
      (["deploy", "1"], "menu published"),
    ] {
      // The trial has a copy of its own, which the next one replaces.
      try disk.makeInitrd(in: 1)
      let killed = try disk.store.ast(command, environment: ["AST_FAIL_AT": point])
      #expect(killed.signal == SIGKILL, "\(point): \(killed)")
      #expect(try disk.wrongCopies() == [], "\(point)")
      try disk.store.ast("tmp").expectSuccess()
      #expect(try disk.wrongCopies() == [], "\(point)")
      #expect(try disk.named() == disk.copies(), "\(point)")
    }
    #expect(try Consistency.findingsOfDoctor(disk.store) == [])
  }

  @Test func aVolumeThatIsGoneChangesNothing() throws {
    let disk = try BootVolumeDisk()
    try disk.store.ast("deploy", "1").expectSuccess()
    let record = disk.store.root.appending("ast/boot-volume.json").string
    let text = try String(contentsOfFile: record, encoding: .utf8)
    try text.replacing(disk.uuid, with: "01234567-89ab-cdef-0123-456789abcdef").write(
      toFile: record, atomically: true, encoding: .utf8)
    let before = try StoreContents(disk.store)
    let result = try disk.store.ast("deploy", "1")
    #expect(result.status == 3, "\(result)")
    #expect(result.stderr.contains("there is no file system with the UUID 01234567-89ab-cdef-0123-456789abcdef"))
    try text.write(toFile: record, atomically: true, encoding: .utf8)
    try disk.store.ast("tmp").expectSuccess()
    #expect(try StoreContents(disk.store) == before)
  }
}
