import Etc
import FoundationEssentials
import Host
import Store
import SystemPackage

/// An ext4 of a new disk for kernels and the boot menu, mounted while the disk is made.
struct NewBootVolume {
  /// The directory of the boot loader on it.
  let loader: FilePath
  private let uuid = UUID().uuidString.lowercased()
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

  /// The place that GRUB is led to.
  var place: LoaderPlace { LoaderPlace(onVolume: uuid) }

  /// Its line in /etc/fstab.
  var entry: Fstab.Entry {
    Fstab.Entry(
      "UUID=\(uuid)", at: FilePath(record.mountPoint), type: record.type, options: "nosuid,nodev,noexec,noatime,nofail")
  }

  /// Its record for the store.
  var record: BootVolumeRecord {
    BootVolumeRecord(kind: .partition, fileSystem: uuid, type: "ext4", mountPoint: "/boot/loader")
  }

  /// Unmounts it.
  func end() { mount.end() }
}
