import Boot
import CAstInit
import DebianFormats
import Grub
import Host
import TestSupport

extension FuzzEntry {
  private static let commandLine =
    "BOOT_IMAGE=/@snapshots/deploy/4/root/boot/vmlinuz-6.12 root=UUID=0-1 rootflags=subvol=a ro quiet "
    + "ast.deployment=4 ast.try ast.fallback=3 ast.trial=2/5 ast.init=/bin/sh dyndbg=\"file a.c +p\" -- single\n"
  private static let mounts = """
    26 1 0:23 /@snapshots/deploy/4/root / ro,noatime shared:1 - btrfs /dev/vda2 rw,subvolid=260
    27 26 0:5 / /a\\040b\\134 rw master:2 propagate_from:1 - tmpfs tmp\\011fs rw
    28 26 0:5 / /c - ext4

    """

  static let bootEntries: [FuzzEntry] = [
    FuzzEntry(
      "kernel-arguments", of: ["Formats/Grub/KernelArguments.swift", "Operations/Boot/BootParameters.swift"],
      seeds: [commandLine]
    ) { input in
      let words = KernelArguments(text(input)).words
      try require(!words.contains { $0.contains("\"") || $0.contains("\n") }, "\(words)")
      let parameters = BootParameters(commandLine: text(input))
      for id in [parameters.deployment, parameters.fallback].compactMap(\.self) {
        try require((0...Int(Int32.max)).contains(id.rawValue), "deployment \(id)")
      }
    },
    FuzzEntry(
      "mount-table",
      of: ["System/Host/Mounts/Mount.swift", "System/Host/Mounts/MountTable.swift", "Formats/Grub/DeviceMapper.swift"],
      seeds: [
        mounts, "my--vg-root\n", "0 8388608 linear 8:2 2048\n8388608 8 thin-pool 254:1 254:2 128 0\n",
        "CRYPT-LUKS2-0123456789abcdef0123456789abcdef-sda3_crypt",
      ]
    ) { input in
      let group = DeviceMapper.volumeGroup(ofDevice: text(input))
      try require(group?.isEmpty != true, "a volume group without a name")
      let volume = DeviceMapper.luksVolume(ofDevice: text(input))
      try require(volume.map { $0.utf8.count == 36 } ?? true, "\(volume ?? "")")
      try require(DeviceMapper.targets(in: text(input)).allSatisfy { !$0.contains(" ") }, "a target with a space")
      for mount in MountTable.mounts(in: text(input)) { _ = mount.place.starts(with: mount.part) }
    },
    FuzzEntry(
      "initrd",
      of: ["InitrdArchive", "InitrdCompression", "InitrdNeed"].map { "Formats/DebianFormats/Initrds/\($0).swift" },
      seeds: ["kernel/fs/btrfs/btrfs.ko.xz: kernel/lib/libcrc32c.ko.xz\n"],
      bytes: [
        CpioArchive.bytes(["init", "dir/"], content: "x") + [0, 0, 0, 0] + CpioArchive.bytes(["a"]) + [0x1f, 0x8b]
      ]
    ) { input in
      let (whole, pieces) = (initrd(input, pieces: .max), initrd(input, pieces: 7))
      try require(
        (whole.files, whole.position, whole.isComplete) == (pieces.files, pieces.position, pieces.isComplete),
        "the pieces make a difference")
      try require(whole.stop == pieces.stop && whole.position <= Int64(input.count), "\(whole.position)")
      _ = InitrdNeed.btrfs.missing(in: whole.files, of: "6.12", with: KernelModules(input))
    },
    FuzzEntry(
      "boot-program", of: ["EFIProgram", "BootGenerations"].map { "Formats/DebianFormats/Loader/\($0).swift" },
      seeds: ["sbat,1\nshim,4,UEFI shim\nshim.debian,1,Debian\n"],
      bytes: [BootProgram.bytes(generations: "sbat,1\ngrub,5\ngrub.debian,5\n")]
    ) { input in
      for generations in [EFIProgram(input)?.generations, BootGenerations(input)].compactMap(\.self) {
        try require(generations.parts.values.allSatisfy { $0 >= 0 }, "\(generations.parts)")
        try require(generations.text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F }, generations.text)
        try require(generations.partsLower(than: generations).isEmpty, "it is lower than itself")
      }
    },
    FuzzEntry(
      "firmware-entry", of: ["Formats/DebianFormats/Loader/FirmwareEntry.swift"],
      bytes: [[1, 0, 0, 0, 12, 0, 97, 0, 0, 0, 4, 4, 8, 0, 92, 0, 0, 0, 0x7F, 0xFF, 4, 0]]
    ) { input in
      _ = FirmwareEntry(input)
    },
    FuzzEntry(
      "module-keys", of: ["MokList", "ModuleSignature"].map { "Formats/DebianFormats/Modules/\($0).swift" },
      bytes: [
        [0xa1, 0x59, 0xc0, 0xa5, 0xe4, 0x94, 0xa7, 0x4a, 0x87, 0xb5, 0xab, 0x15, 0x5c, 0x2b, 0xf0, 0x72]
          + [46, 0, 0, 0, 0, 0, 0, 0, 18, 0, 0, 0] + [UInt8](repeating: 0, count: 16) + [0x30, 0x01]
      ]
    ) { input in
      try require(!MokList(input).contains([]), "a certificate without a byte")
      try require(!ModuleSignature.isModule(input) || input.count >= 18, "a module of \(input.count) bytes")
    },
    FuzzEntry(
      "loader-configuration", of: ["Formats/DebianFormats/Loader/SignedLoader.swift"],
      seeds: [SignedLoader.configuration(fileSystem: "1111-2222", directory: "/@grub"), "search.fs_uuid 1 root hd0\n"]
    ) { input in
      let found = SignedLoader.fileSystem(ofConfiguration: text(input))
      try require(found?.isEmpty != true, "an empty UUID")
    },
    FuzzEntry(
      "ast-init", of: ["ast-init/main.c"], seeds: [mounts, "ran=4\nfrom=3\n", commandLine]
    ) { input in
      input.withUnsafeBufferPointer { fuzz_ast_init($0.baseAddress, $0.count) }
    },
  ]
  private static func initrd(_ input: [UInt8], pieces: Int) -> InitrdArchive {
    var archive = InitrdArchive()
    var rest = input[...]
    while !rest.isEmpty {
      archive.add(Array(rest.prefix(pieces)))
      rest = rest.dropFirst(pieces)
    }
    return archive
  }
}
