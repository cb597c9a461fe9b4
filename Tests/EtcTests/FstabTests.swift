import Etc
import SystemPackage
import Testing

@Suite struct FstabTests {
  private static let layout = Fstab.layout(fileSystem: "0123-fs", efiPartition: "AB-CD")

  private static let lines = [
    "UUID=0123-fs / btrfs ro,noatime 0 0",
    "UUID=0123-fs /.snapshots btrfs ro,nosuid,nodev,noatime,subvol=@snapshots 0 0",
    "UUID=0123-fs /var btrfs noatime,subvol=@var 0 0", "UUID=0123-fs /home btrfs noatime,subvol=@home 0 0",
    "UUID=0123-fs /root btrfs noatime,subvol=@root 0 0", "UUID=0123-fs /srv btrfs noatime,subvol=@srv 0 0",
    "UUID=0123-fs /boot/grub btrfs noatime,subvol=@grub 0 0", "UUID=AB-CD /boot/efi vfat umask=0077,nofail 0 0",
    "tmpfs /tmp tmpfs mode=1777,nosuid,nodev 0 0",
  ]

  private static func text(_ fstab: Fstab) -> String { String(decoding: fstab.content, as: UTF8.self) }

  @Test func anEmptyFileGetsTheWholeLayout() {
    let complete = Fstab([]).completing(with: Self.layout)
    #expect(Self.text(complete) == Self.lines.map { "\($0)\n" }.joined())
    #expect(complete.entries == Self.layout)
    #expect(complete.completing(with: Self.layout) == complete)
  }

  @Test func anAdoptedFileGivesUpTheLineOfTheOldRoot() {
    let old = """
      # mine
      UUID=0123-fs  /  btrfs  defaults,rw,relatime,compress=zstd:1,subvol=@rootfs,subvolid=256,discard=async 0 0
      LABEL=x /home ext4 defaults 0 2
      UUID=77 none swap sw 0 0
      """
    let layout = Self.lines.dropFirst().filter { !$0.contains("efi") && !$0.contains("/home") }
    let lines =
      ["# mine", "LABEL=x /home ext4 defaults 0 2", "UUID=77 none swap sw 0 0"]
      + ["UUID=0123-fs / btrfs ro,noatime,compress=zstd:1,discard=async 0 0"] + layout
    #expect(
      Self.text(Fstab(old.utf8).adopting(fileSystem: "0123-fs")) == lines.map { "\($0)\n" }.joined())
  }

  @Test func anAdoptedFileGivesUpWhatIsOmitted() {
    let old = "UUID=9 /boot/ ext4 defaults 0 2\nUUID=1 / btrfs\nUUID=AB /boot/efi vfat umask=0077 0 1\n# /boot ext4\n"
    let adopted = Fstab(old.utf8).adopting(fileSystem: "1", omitting: ["/boot"])
    #expect(adopted.entries.contains { $0.mountPoint == "/boot/efi" } && adopted.uuid(at: "/boot/efi") == "AB")
    #expect(!adopted.entries.contains { $0.mountPoint == "/boot" } && Self.text(adopted).contains("# /boot ext4\n"))
  }

  @Test func withoutAnEFIPartitionNothingIsMountedThere() {
    let layout = Fstab.layout(fileSystem: "0123-fs", efiPartition: nil)
    #expect(
      Self.text(Fstab([]).completing(with: layout))
        == Self.lines.filter { !$0.contains("efi") }.map { "\($0)\n" }.joined())
  }

  /// Lines, and the parts of the layout that they provide.
  @Test(
    arguments: [
      ("/dev/sdb1 /var ext4 defaults 0 2", "/var"), ("/dev/sdb1\t/var/\text4", "/var"),
      ("  /dev/sdb1 \t /var   ext4", "/var"), ("/dev/sdb1 //var/./ ext4 defaults", "/var"),
      ("/dev/sdb1 /\\166ar ext4", "/var"), ("/dev/sdb1 /srv/../var ext4", "/var"),
      ("LABEL=a\\040b / ext4 ro", "/"), ("LABEL=x // ext4", "/"), ("tmpfs /tmp tmpfs size=1G 0 0 # mine", "/tmp"),
      ("x /boot/efi vfat", "/boot/efi"),
      ("#/dev/sdb1 /var ext4", nil), ("  # /dev/sdb1 /var ext4", nil), ("/dev/sdb1 /var", nil), ("/var", nil),
      ("", nil),
      ("/dev/sdb1 /var/lib ext4", nil), ("/dev/sdb1 none swap sw 0 0", nil), ("/dev/sdb1 var ext4", nil),
      ("/dev/sdb1 /var\\000 ext4", nil), ("/dev/sdb1 /var\\04 ext4", nil), ("/dev/sdb1 /VAR ext4", nil), ("\\", nil),
    ] as [(String, String?)])
  func aMountPointIsComparedAsWhatItMeans(line: String, covered: String?) {
    let complete = Fstab("\(line)\n".utf8).completing(with: Self.layout)
    let added = Self.lines.filter { $0.split(separator: " ")[1] != covered ?? "" }
    #expect(Self.text(complete) == ([line] + added).map { "\($0)\n" }.joined())
  }

  @Test func bytesThatAreThereStay() {
    let odd: [UInt8] =
      Array("# caf".utf8) + [0xe9, 0x0a, 0x0d, 0x0a, 0x0a] + Array("/dev/x /srv/\\303\\251\\011 ext4".utf8)
    let complete = Fstab(odd).completing(with: Self.layout)
    #expect(complete.content == odd + [0x0a] + Self.lines.flatMap { "\($0)\n".utf8 })
    #expect(complete.entries.first?.mountPoint.string == "/srv/é\t")
  }

  @Test(
    arguments: [
      ("UUID=AB-CD /boot/efi vfat", "AB-CD"), ("UUID=AB-CD /boot/efi/ vfat", "AB-CD"),
      ("UUID=1 /boot/efi vfat\nUUID=2 /boot/efi vfat", "1"),
      ("/dev/sda1 /boot/efi vfat\nUUID=2 /boot/efi vfat", nil), ("PARTUUID=AB-CD /boot/efi vfat", nil),
      ("#UUID=AB-CD /boot/efi vfat", nil), ("UUID=AB-CD /boot ext4", nil), ("", nil),
    ] as [(String, String?)])
  func theUUIDOfWhatIsMountedIsFound(text: String, uuid: String?) {
    #expect(Fstab(text.utf8).uuid(at: "/boot/efi") == uuid)
  }

  @Test(
    arguments: [
      ("/swapfile none swap sw 0 0", ["/swapfile"]), ("/a\\040b\tnone\tswap\n/var/../c swap swap", ["/a b", "/c"]),
      ("/dev/sda2 none swap sw 0 0", []), ("UUID=1 none swap sw", []), ("#/swapfile none swap sw", []),
      ("/swapfile none ext4", []), ("/swapfile none", []), ("# /x none swap", []), ("", []),
    ] as [(String, [String])])
  func swapFilesAreFound(text: String, files: [String]) {
    #expect(Fstab(text.utf8).swapFiles == files.map { FilePath($0) })
  }

  @Test(arguments: [
    ("/swap/file", true), ("/swap", true), ("/swapfile", false), ("/var/lib/swap", true), ("/home/x", false),
  ])
  func aFileOfAnotherFileSystemIsKnown(file: String, isApart: Bool) {
    let table = Fstab("UUID=1 / btrfs\nUUID=1 /swap btrfs\n/dev/x /var/ ext4\n/home/x /home swap sw".utf8)
    #expect(table.mountsApart(FilePath(file)) == isApart)
  }
}
