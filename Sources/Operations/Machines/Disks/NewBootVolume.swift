import Btrfs
import Etc
import FoundationEssentials
import Host
import Store
import SystemPackage

/// The place on a new disk where GRUB reads kernels and the boot menu.
enum NewBootVolume {
  /// The btrfs with the store.
  case store
  /// The EFI system partition, which is written without being mounted.
  case efi(FATVolume, VolumeID)
  /// An ext4 of its own, mounted while the disk is made.
  case partition(NewBootPartition)

  /// The place that GRUB is led to.
  ///
  /// - Parameter system: the UUID of the btrfs.
  func place(besides system: UUID) -> LoaderPlace {
    switch self {
    case .store: LoaderPlace(onStore: system.uuidString.lowercased())
    case .efi(_, let id): LoaderPlace(onVolume: "\(id)")
    case .partition(let partition): LoaderPlace(onVolume: partition.uuid)
    }
  }

  /// The module of GRUB that reads its file system.
  var driver: String {
    switch self {
    case .store: "btrfs"
    case .efi: "fat"
    case .partition: "ext2"
    }
  }

  /// Its line in /etc/fstab besides those of every system.
  var entries: [Fstab.Entry] {
    guard case .partition(let partition) = self else { return [] }
    return [partition.entry]
  }

  /// Its record for the store.
  ///
  /// - Parameter encryption: the UUID of the LUKS volume that the store is in; nil if it is in none.
  func record(encryption: String?) -> BootVolumeRecord? {
    switch self {
    case .store: nil
    case .efi(_, let id):
      BootVolumeRecord(
        kind: .esp, fileSystem: "\(id)", type: "vfat", mountPoint: "/boot/efi", encryption: encryption)
    case .partition(let partition):
      BootVolumeRecord(
        kind: .partition, fileSystem: partition.uuid, type: "ext4", mountPoint: NewBootPartition.mountPoint,
        encryption: encryption)
    }
  }

  /// Has `body` fill the directory of the boot loader, whose path it gets. `body` makes the directory above on an EFI
  /// system partition.
  ///
  /// - Parameter top: the top of the btrfs.
  func fill(besides top: TemporaryMount, _ body: (FilePath) throws -> Void) throws {
    switch self {
    case .store: try body(top.path.appending(Machine.grub))
    case .partition(let partition): try body(partition.loader)
    case .efi(let volume, _):
      let directory = top.scratch.appending("grub")
      try Files.makeDirectory(directory)
      defer { try? ChildProcess("rm", ["-rf", "--", directory.string]).runToItsEnd() }
      try body(directory)
      let loader = BootVolumeRecord.loader
      try volume.makeDirectories([loader.string])
      try volume.copyContents(of: directory, to: loader.string)
    }
  }

  /// Makes what is mounted of it durable.
  func sync() throws {
    if case .partition(let partition) = self { try FileSystem.sync(partition.loader) }
  }

  /// Unmounts what is mounted of it.
  ///
  /// - Parameter warn: called if it is still in use.
  func end(warning warn: (String) -> Void) {
    if case .partition(let partition) = self { partition.end(warning: warn) }
  }
}

/// An ext4 of a new disk for kernels and the boot menu, mounted while the disk is made.
struct NewBootPartition {
  /// The directory of the boot loader on it.
  let loader: FilePath
  /// The UUID of its file system.
  let uuid = UUID().uuidString.lowercased()
  private let mount: TemporaryMount

  /// Makes it on a partition.
  init(on device: FilePath) throws {
    // Nothing is kept free for root: nobody else writes there.
    try ChildProcess("mkfs.ext4", ["-q", "-F", "-m", "0", "-L", "ast-boot", "-U", uuid, "--", device.string]).run()
    mount = try TemporaryMount(ofNewVolume: device)
    loader = mount.path.pushing(BootVolumeRecord.loader)
    do {
      try Files.ensureDirectory(mount.path.appending("ast"), mode: 0o700)
      try Files.ensureDirectory(loader, mode: 0o700)
    } catch {
      mount.end()
      throw error
    }
  }

  /// The directory where the machine mounts it.
  static let mountPoint = "/boot/loader"

  /// Its line in /etc/fstab.
  var entry: Fstab.Entry { Self.entry(fileSystem: uuid, type: "ext4") }

  /// The line of such a file system in /etc/fstab.
  static func entry(fileSystem: String, type: String) -> Fstab.Entry {
    Fstab.Entry(
      "UUID=\(fileSystem)", at: FilePath(mountPoint), type: type, options: "nosuid,nodev,noexec,noatime,nofail")
  }

  /// Unmounts it.
  ///
  /// - Parameter warn: called if it is still in use.
  func end(warning warn: (String) -> Void) { mount.end(warning: warn) }
}
