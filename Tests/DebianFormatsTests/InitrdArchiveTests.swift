import DebianFormats
import TestSupport
import Testing

@Suite("Files in an initrd") struct InitrdArchiveTests {
  private static let microcode = CpioArchive.bytes(
    ["kernel/", "kernel/x86/microcode/GenuineIntel.bin"], content: "odd")
  private static let modules = CpioArchive.bytes(["./usr/lib/modules/6.1/btrfs.ko.xz", "/sbin/mdadm"], content: "four")
  private static let zeros = [UInt8](repeating: 0, count: 500)

  private func read(_ bytes: [UInt8], pieces: Int = .max) -> InitrdArchive {
    var archive = InitrdArchive()
    var rest = bytes[...]
    while !rest.isEmpty {
      archive.add(Array(rest.prefix(pieces)))
      rest = rest.dropFirst(pieces)
    }
    return archive
  }

  @Test(arguments: [1, 3, 4, 110, 1 << 20]) func allArchivesAreReadInAnyPieces(pieces: Int) {
    let archive = read(Self.microcode + Self.zeros + Self.modules + Self.zeros, pieces: pieces)
    #expect(
      archive.files == ["kernel/x86/microcode/GenuineIntel.bin", "usr/lib/modules/6.1/btrfs.ko.xz", "sbin/mdadm"])
    #expect(archive.isComplete && archive.stop == nil)
  }

  @Test func aTableOfDisksWithoutALineIsNone() {
    for (content, isThere) in [("", false), ("ast UUID=1 none luks\n", true)] {
      let archive = read(CpioArchive.bytes(["cryptroot/crypttab", "conf/conf.d/zz"], content: content))
      #expect(archive.files.contains("cryptroot/crypttab") == isThere)
      #expect(archive.files.contains("conf/conf.d/zz"))
    }
  }

  @Test func contentNeedNotBeRead() {
    let file = CpioArchive.entries(["init"], content: String(repeating: "x", count: 70_001))
    let end = CpioArchive.bytes([])
    var archive = InitrdArchive()
    archive.add(Array(file.prefix(200)))
    #expect(archive.skippable == Int64(file.count - 200))
    archive.skip(archive.skippable)
    #expect(archive.position == Int64(file.count))
    archive.add(end)
    #expect(archive.isComplete && archive.files == ["init"])
  }

  @Test(arguments: [
    ([0x1f, 0x8b, 8, 0, 0, 0], InitrdCompression.gzip), ([0x28, 0xb5, 0x2f, 0xfd, 4, 0], .zstd),
    ([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0], .xz), ([0x02, 0x21, 0x4c, 0x18, 0, 1], .lz4),
    ([0x04, 0x22, 0x4d, 0x18, 0, 1], .lz4), ([0x5d, 0, 0, 0x80, 0, 0], .lzma),
    ([0x42, 0x5a, 0x68, 0x39, 0x31, 0x41], .bzip2),
    ([0x89, 0x4c, 0x5a, 0x4f, 0, 0x0d], .lzop),
  ])
  func whatIsCompressedBeginsWhereReadingStops(start: [UInt8], way: InitrdCompression) {
    for before in [[], Self.microcode + Self.zeros] {
      let archive = read(before + start + [1, 2, 3])
      #expect(archive.stop == .compressed(way) && archive.position == Int64(before.count))
      #expect(!archive.isComplete)
    }
  }

  @Test func programsOfCompressionAreNamedAsTheWay() {
    #expect(
      InitrdCompression.allCases.map(\.program) == ["gzip", "bzip2", "xz", "xz", "lzop", "lz4", "zstd"])
  }

  @Test(arguments: [
    Array("an initrd\n".utf8), Self.modules + Array("garbage".utf8),
    CpioArchive.entries(["a"]) + Array(String(repeating: "x", count: 200).utf8),
    CpioArchive.entries([String(repeating: "a", count: 4096)]), Self.modules + [UInt8](repeating: 0, count: 2 << 20),
    Array("0707010000000g".utf8) + [UInt8](repeating: 0x30, count: 100),
  ])
  func whatCannotBeReadIsSaid(bytes: [UInt8]) {
    let archive = read(bytes)
    guard case .unreadable = archive.stop else {
      Issue.record("\(String(describing: archive.stop))")
      return
    }
    #expect(!archive.isComplete)
  }

  @Test(arguments: [0, 3, 100, 117, 300]) func whatIsCutShortIsNotComplete(length: Int) {
    #expect(!read(Array(Self.modules.prefix(length))).isComplete)
    #expect(!read(Self.microcode + Self.modules.prefix(length).dropLast(0) + (length == 0 ? [7] : [])).isComplete)
  }

  @Test func manyEntriesAreNotRead() {
    let entry = CpioArchive.entries(["a"])
    var archive = InitrdArchive()
    for _ in 0...(1 << 18) { archive.add(entry) }
    #expect(archive.stop == .unreadable("an entry of its archive is damaged"))
  }
}

@Suite("Keys in an initrd") struct InitrdKeysTests {
  @Test func keysAreKnownByTheTableAndByTheirPlaces() {
    let keys = InitrdKeys(
      table: """
        # <name> <device> <key file> <options>
        ast UUID=1 /etc/keys/root.key luks,initramfs
        swap\t/dev/sda3\t/dev/urandom\tswap
        #off UUID=2 /etc/passwd
        home UUID=3 none
        short UUID=4

        """)
    let files: Set = [
      "etc/keys/root.key", "etc/passwd", "dev/urandom", "cryptroot/keyfiles/ast.key", "etc/cryptsetup-keys.d/home.key",
      "none", "init",
    ]
    #expect(
      keys.all(in: files) == [
        "cryptroot/keyfiles/ast.key", "etc/cryptsetup-keys.d/home.key", "etc/keys/root.key",
      ])
  }
}

@Suite("What an initrd needs") struct InitrdNeedTests {
  private static let version = "6.12.0-1-amd64"
  private static let place = "usr/lib/modules/\(version)/kernel"
  private static let kernel = KernelModules(
    Array(
      """
      kernel/fs/btrfs/btrfs.ko.xz: kernel/lib/raid6/raid6_pq.ko.xz kernel/lib/libcrc32c.ko.xz
      kernel/drivers/md/dm-crypt.ko.xz: kernel/drivers/md/dm-mod.ko.xz
      kernel/drivers/md/dm-mod.ko.xz:
      kernel/drivers/md/raid456.ko:
      kernel/drivers/md/raid1.ko.zst:

      """.utf8))

  private static func need(_ type: String) -> InitrdNeed {
    InitrdNeed(deviceType: type) ?? .btrfs
  }

  private static let table: [(need: InitrdNeed, files: Set<String>, missing: [String])] = [
    (.btrfs, [], ["btrfs.ko"]),
    (.btrfs, ["\(place)/fs/btrfs/btrfs.ko"], []),
    (.btrfs, ["\(place)/fs/btrfs/btrfs.ko.zst"], []),
    (.btrfs, ["lib/modules/\(version)/updates/btrfs.ko.xz"], []),
    (.btrfs, ["usr/lib/modules/6.1.0-1-amd64/kernel/fs/btrfs/btrfs.ko.xz"], ["btrfs.ko"]),
    (.btrfs, ["\(place)/fs/btrfs/btrfs.ko.txt", "\(place)/fs/btrfs/not-btrfs.ko", "btrfs.ko"], ["btrfs.ko"]),
    (need("crypt"), [], ["dm-crypt.ko", "cryptsetup"]),
    (need("crypt"), ["\(place)/drivers/md/dm_crypt.ko.xz", "usr/sbin/cryptsetup"], []),
    (need("crypt"), ["\(place)/drivers/md/dm-crypt.ko.xz", "usr/lib/systemd/systemd-cryptsetup"], []),
    (need("crypt"), ["\(place)/drivers/md/dm-crypt.ko.xz", "scripts/local-top/cryptsetup"], ["cryptsetup"]),
    // Without a line for the disk, or without the program that systemd starts, no passphrase is asked.
    (
      need("crypt"), ["\(place)/drivers/md/dm-crypt.ko.xz", "usr/sbin/cryptsetup", "scripts/local-top/cryptroot"],
      ["cryptroot/crypttab"]
    ),
    (
      need("crypt"),
      [
        "\(place)/drivers/md/dm-crypt.ko.xz", "usr/sbin/cryptsetup", "scripts/local-top/cryptroot",
        "cryptroot/crypttab",
      ], []
    ),
    (
      need("crypt"), ["\(place)/drivers/md/dm-crypt.ko.xz", "usr/sbin/cryptsetup", "usr/lib/systemd/systemd"],
      ["systemd-cryptsetup"]
    ),
    (
      need("crypt"),
      ["\(place)/drivers/md/dm-crypt.ko.xz", "usr/bin/systemd-cryptsetup", "usr/lib/systemd/systemd"], []
    ),
    (need("lvm"), ["\(place)/drivers/md/dm-mod.ko"], ["lvm"]),
    (need("lvm"), ["\(place)/drivers/md/dm-mod.ko", "sbin/lvm"], []),
    (need("raid1"), ["usr/sbin/mdadm"], ["raid1.ko"]),
    (need("raid5"), ["usr/sbin/mdadm", "\(place)/drivers/md/raid456.ko"], []),
    // This kernel has it built in, or not at all.
    (need("raid10"), ["usr/sbin/mdadm"], []),
    (need("linear"), ["etc/mdadm/mdadm.conf"], ["mdadm"]),
  ]

  @Test(arguments: table.indices) func filesAreMissed(row: Int) {
    let (need, files, missing) = Self.table[row]
    #expect(need.missing(in: files, of: Self.version, with: Self.kernel) == missing)
  }

  @Test(arguments: [
    ("part", nil), ("disk", nil), ("loop", nil), ("crypt", InitrdNeed.encryption), ("lvm", .logicalVolumes),
    ("mpath", nil), ("raid", need("raid")),
  ])
  func devicesNeedWhatTheirKindDoes(type: String, need: InitrdNeed?) { #expect(InitrdNeed(deviceType: type) == need) }

  @Test func aKernelThatHasItAllNeedsNothing() {
    let kernel = KernelModules(Array("\n".utf8))
    #expect(InitrdNeed.btrfs.isMet(by: kernel))
    #expect(!InitrdNeed.btrfs.isMet(by: Self.kernel))
    #expect(!Self.need("raid1").isMet(by: kernel), "a program is needed")
  }

  @Test(arguments: [
    (InitrdNeed.btrfs, "btrfs-progs", "btrfs-progs"), (.encryption, "cryptsetup-initramfs", "systemd-cryptsetup"),
    (.logicalVolumes, "lvm2", "lvm2"), (need("raid6"), "mdadm", "mdadm"),
  ])
  func packagesBringIt(need: InitrdNeed, package: String, ofDracut: String) {
    #expect(need.package(for: .initramfsTools) == package && need.package(for: nil) == package)
    #expect(need.package(for: .dracut) == ofDracut)
  }
}
