import DebianFormats
import Etc
import FoundationEssentials
import Glibc
import Host
import Rootfs
import Store
import SystemPackage

/// The /boot of a system whose root is encrypted: GRUB reads copies of the kernels from there, and the menu. It is mounted
/// at ``mountPoint`` when a deployment runs.
struct AdoptedBootVolume {
  /// Where deployments mount it.
  static let mountPoint = NewBootPartition.mountPoint
  /// The setting of dracut(8) that brings the table of disks into initrds.
  static let dracutSetting: FilePath = "/etc/dracut.conf.d/encrypted-disk.conf"
  static let table: FilePath = "/etc/crypttab"

  /// The partition.
  let partition: BootPartition
  private let system: AdoptableSystem
  private let encrypted: [Storage.EncryptedVolume]

  /// Examines a system; nil if its root is not encrypted.
  ///
  /// - Throws: `AstError`, refused if GRUB would find no kernel, or an initrd would not open the root.
  init?(of system: AdoptableSystem) throws {
    encrypted = try Storage(of: system.devices).encrypted
    guard let first = encrypted.first else { return nil }
    guard let partition = try BootPartition(of: system.debian) else {
      throw AdoptableSystem.refusal(
        "the root file system is encrypted (/dev/mapper/\(first.name)), so GRUB cannot read the kernels in it, and /boot "
          + "is a part of it",
        hint: "copy /boot to an ext4 that is not encrypted, mount that at /boot with a line in /etc/fstab, and run "
          + "grub-install and update-grub")
    }
    self.partition = partition
    self.system = system
    let names = Crypttab(try RootDirectory(system.root).contents(of: Self.table) ?? Data()).names
    if let missing = encrypted.first(where: { !names.contains($0.name) }) {
      throw AdoptableSystem.refusal(
        "\(Self.table) has no line for \(missing.name), so no initrd that is made later would open it",
        hint: "add the line `\(missing.name) UUID=\(missing.uuid) none luks`")
    }
  }

  /// What is said of it in the plan.
  var description: String {
    "copies of kernels in \(BootPartition.place)/ast, because the root is encrypted "
      + "(\(encrypted.map(\.name).joined(separator: ", ")))"
  }

  /// Makes sure that there is room for two kernels with their initrds, and GRUB's modules.
  func requireRoom() throws {
    guard let version = try Kernels(in: system.root).newest else { return }
    let files = RootDirectory(system.root)
    let pair = try ["vmlinuz", "initrd.img"].reduce(Int64(0)) { sum, name in
      try sum + (files.size(of: FilePath("/boot/\(name)-\(version)")) ?? 0)
    }
    let (needed, free) = (2 * pair + Self.loaderSpace, try partition.freeSpace())
    guard free < needed else { return }
    throw AstError(
      .noSpace,
      "\(BootPartition.place) has \(free >> 20) MiB free, and \((needed >> 20) + 1) are needed for copies of kernels, since "
        + "the root is encrypted", state: .unchanged,
      hint: "`apt-get autoremove --purge` removes kernels that are not needed any more")
  }

  /// GRUB's modules and fonts for two platforms, and the menu.
  private static let loaderSpace: Int64 = 16 << 20

  /// Records it in a store. From then on the remains of the adoption are there, too.
  func record(in store: FilePath) throws {
    try BootVolumeRecord(
      kind: .partition, fileSystem: partition.identity, type: partition.type, mountPoint: Self.mountPoint,
      encryption: encrypted.first?.uuid
    ).write(in: store)
  }

  /// Makes the directory of its boot loader.
  func makeLoader() throws -> FilePath {
    let loader = system.file(BootPartition.place).pushing(BootVolumeRecord.loader)
    try Files.ensureDirectory(loader.removingLastComponent(), mode: 0o700)
    try Files.ensureDirectory(loader, mode: 0o700)
    return loader
  }

  /// Its line for the table of file systems of deployments.
  var entry: Fstab.Entry { NewBootPartition.entry(fileSystem: partition.identity, type: partition.type) }

  /// Has the initrds that are made in the base open the root, although the disk cannot be seen there.
  func completeEncryption(in root: FilePath) throws {
    let files = RootDirectory(root)
    let table = Crypttab(try files.contents(of: Self.table) ?? Data())
    try files.write(
      Data(table.adding("initramfs", to: Set(encrypted.map(\.name))).content), to: Self.table)
    guard try Initrd.maker(in: root) == .dracut else { return }
    try files.makeDirectory(Self.dracutSetting.removingLastComponent())
    try files.write(Data(BootstrapBase.tableInInitrd.utf8), to: Self.dracutSetting)
  }
}
