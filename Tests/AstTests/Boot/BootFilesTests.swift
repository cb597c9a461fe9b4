import FoundationEssentials
import Glibc
import SystemPackage
import TestSupport
import Testing

/// `boot-files` on a disk whose EFI system partition is an ext4: what makes FAT different is in the function that
/// replaces a file.
@Suite("boot-files", .requiresRoot)
struct BootFilesTests {
  private final class Partition {
    static let uuid = "00000000-1111-4222-8333-444444444444"
    let top: FilePath
    private let image: FilePath

    init() throws {
      let directory = try LoopBtrfs.shared.newDirectory()
      (image, top) = (directory.appending("image"), directory.appending("top"))
      try runSuccessfully(["truncate", "-s", "16M", image.string])
      try runSuccessfully(["mkfs.ext4", "-q", "-U", Self.uuid, image.string])
      try runSuccessfully(["mkdir", top.string])
      try runSuccessfully(["mount", "-o", "loop", image.string, top.string])
    }

    deinit { umount(top.string) }

    func checksums() throws -> [String] {
      try runSuccessfully(["sh", "-c", "find EFI -type f -exec sha256sum {} + | sort -k2"], in: top)
        .split(separator: "\n").map(String.init)
    }
  }

  private let disk: BootDisk
  private let partition: Partition
  private var store: TestStore { disk.store }

  init() throws {
    disk = try BootDisk()
    partition = try Partition()
    let line = "UUID=\(Partition.uuid) /boot/efi ext4 nofail 0 0"
    // The root has few programs: the shell itself replaces the line.
    let change = """
      mkdir -p /usr/lib/shim /usr/lib/grub/x86_64-efi-signed
      table=$(while read -r line; do case $line in UUID=1234*) echo '\(line)';; *) echo "$line";; esac; done </etc/fstab)
      echo "$table" >/etc/fstab
      """
    try store.ast("run", "1", "sh", "-ec", change).expectSuccess()
    try putLoader(grub: 5)
    try store.ast("deploy", "1").expectSuccess()
  }

  /// Gives node 1 a signed loader of this generation.
  private func putLoader(grub: Int) throws {
    let programs = [
      ("shim/shim", "shim,4\nshim.debian,1\n"), ("shim/mm", "shim,4\nshim.debian,1\n"),
      ("shim/fb", "shim,4\nshim.debian,1\n"),
      ("grub/x86_64-efi-signed/grub", "grub,\(grub)\ngrub.debian,5\n"),
    ]
    let script = programs.map { name, generations in
      let bytes = BootProgram.bytes(generations: generations, filling: name)
      let octal = bytes.map { "\\0\(String($0, radix: 8))" }.joined()
      return "printf '%b' '\(octal)' >/usr/lib/\(name)x64.efi.signed"
    }
    try store.ast("run", "1", "sh", "-ec", script.joined(separator: "\n")).expectSuccess()
  }

  private func members(_ arguments: String...) throws -> String {
    try store.ast(["boot-files", "--json"] + arguments).expectSuccess().stdout
  }

  @Test func theWholeLoaderIsBroughtAndNotTwice() throws {
    #expect(try members().contains(#""missing":["EFI/debian/mmx64.efi","EFI/debian/fbx64.efi""#))
    #expect(try runSuccessfully(["find", partition.top.string, "-name", "EFI"]) == "")
    let result = try store.ast("boot-files", "--renew")
    #expect(result.status == 0 && result.stderr == "", "\(result)")
    #expect(result.stdout.contains("EFI/BOOT/BOOTX64.EFI: Debian's (shim 4, shim.debian 1), renewed\n"), "\(result)")
    let files = try partition.checksums()
    #expect(files.count == 10)
    let uuid = try runSuccessfully(["findmnt", "-no", "UUID", "--target", store.root.string]).filter { $0 != "\n" }
    #expect(
      try String(contentsOfFile: partition.top.appending("EFI/debian/grub.cfg").string, encoding: .utf8)
        == "search --no-floppy --fs-uuid --set=root \(uuid)\nset prefix=($root)/@grub\nconfigfile $prefix/grub.cfg\n")
    #expect(try members("--renew").contains(#""renewed":[]"#))
    #expect(try partition.checksums() == files)
  }

  @Test func aNewerLoaderOfTheDefaultDeploymentReplacesIt() throws {
    _ = try members("--renew")
    let before = try partition.checksums()
    try putLoader(grub: 7)
    try store.ast("deploy", "1").expectSuccess()
    #expect(try members().contains("the deployment") == false)
    #expect(try members("--renew").contains(#""renewed":["EFI/debian/grubx64.efi","EFI/BOOT/grubx64.efi"]"#))
    #expect(Set(try partition.checksums()).subtracting(before).count == 2)

    // And never back.
    let newer = try partition.checksums()
    try putLoader(grub: 6)
    try store.ast("deploy", "1").expectSuccess()
    let result = try store.ast("boot-files", "--renew")
    #expect(
      result.stdout.contains(
        "EFI/debian/grubx64.efi: Debian's (grub 7, grub.debian 5); "
          + "stays, because the deployment's has a lower generation of grub\n"), "\(result)")
    #expect(try partition.checksums() == newer)
  }

  @Test func aPartitionOfAnotherSystemIsRefused() throws {
    try runSuccessfully(["mkdir", "-p", "EFI/debian"], in: partition.top)
    try runSuccessfully(["sh", "-c", "echo 'search.fs_uuid 99 root' >EFI/debian/grub.cfg"], in: partition.top)
    let before = try partition.checksums()
    let result = try store.ast("boot-files", "--renew")
    #expect(result.status == 5 && result.stdout == "")
    #expect(result.stderr.hasPrefix("ast: EFI/debian/grub.cfg on the EFI system partition leads to"), "\(result)")
    #expect(result.stderr.contains("; nothing was changed\n"))
    #expect(try partition.checksums() == before)
  }

  @Test func aPartitionWithoutRoomKeepsWhatItHas() throws {
    _ = try members("--renew")
    let before = try partition.checksums()
    try runSuccessfully(["sh", "-c", "dd if=/dev/zero of=full bs=1k 2>/dev/null || true"], in: partition.top)
    try putLoader(grub: 7)
    try store.ast("deploy", "1").expectSuccess()
    let result = try store.ast("boot-files", "--renew")
    #expect(result.status == 7, "\(result)")
    #expect(result.stderr.contains("the EFI system partition at /boot/efi has"))
    #expect(try partition.checksums() == before)
  }
}
