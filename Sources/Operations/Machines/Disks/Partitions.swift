import FoundationEssentials
import Glibc
import Host
import SystemPackage

/// The partition table (GPT) of a disk that starts from BIOS and from EFI: a place for GRUB's first part, the EFI system
/// partition, and one btrfs for the rest.
struct Partitions {
  /// The size of the EFI system partition in bytes.
  let bootSize: Int64
  /// The size of a partition for kernels and the boot menu in bytes; nil for none.
  let volumeSize: Int64?

  /// Where GRUB's first part begins, in sectors of 512 bytes, and how many there are.
  static let coreSectors: Range<Int64> = 2048..<4096
  /// The size for a minimal Debian with a kernel, and room to change it once.
  static let smallestDisk: Int64 = 3 << 30

  /// Room for the kernels of two deployments at least, and the menu.
  static let smallestVolume: Int64 = 256 << 20

  /// Room for nineteen different kernels with their initrds.
  static let kernelsSize: Int64 = 1 << 30

  /// The table for a disk of `size` bytes.
  ///
  /// - Parameter holdsKernels: whether the EFI system partition is where GRUB reads kernels.
  init(forDiskOf size: Int64, volume: Int64? = nil, holdsKernels: Bool = false) {
    volumeSize = volume
    // FAT32 begins at 33 MiB, and firmware need not read anything smaller.
    bootSize = holdsKernels ? Self.kernelsSize : size < 8 << 30 ? 64 << 20 : 256 << 20
  }

  /// The input of sfdisk(8). The types are those of the UEFI specification, of GRUB, and "Linux filesystem data".
  private var script: String {
    """
    label: gpt
    start=1MiB, size=1MiB, type=21686148-6449-6E6F-744E-656564454649, name="BIOS boot"
    size=\(bootSize >> 20)MiB, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, name="EFI system"
    \(volumeSize.map { "size=\($0 >> 20)MiB, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, name=\"boot\"\n" } ?? "")\
    type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, name="system"

    """
  }

  /// Writes the table to a disk and makes the kernel read it.
  func write(to disk: FilePath) throws -> PartitionedDisk {
    try ChildProcess("sfdisk", ["--quiet", "--wipe", "always", "--wipe-partitions", "always", "--", disk.string])
      .run(reading: Data(script.utf8))
    let partitioned = PartitionedDisk(disk, hasVolume: volumeSize != nil)
    // Some kernels read no partition tables, or those of loop devices only when asked: partx(8) tells them.
    if !partitioned.isComplete { try ChildProcess("partx", ["--update", "--", disk.string]).run() }
    guard partitioned.isComplete else {
      throw AstError(.failed, "the kernel does not show the new partitions of \(disk)")
    }
    return partitioned
  }
}

/// A disk with those partitions.
struct PartitionedDisk {
  /// The number of the EFI system partition.
  static let bootNumber = 2

  /// The whole disk.
  let disk: FilePath
  /// The EFI system partition.
  var boot: FilePath { partition(Self.bootNumber) }
  /// The partition for kernels and the boot menu; nil if there is none.
  var volume: FilePath? { hasVolume ? partition(3) : nil }
  /// The partition of the btrfs.
  var system: FilePath { partition(count) }
  private let hasVolume: Bool
  private var count: Int { hasVolume ? 4 : 3 }

  /// The partitions of `disk`, a device.
  init(_ disk: FilePath, hasVolume: Bool) { (self.disk, self.hasVolume) = (disk, hasVolume) }

  /// Whether all of the devices exist.
  fileprivate var isComplete: Bool { (1...count).allSatisfy { access(partition($0).string, F_OK) == 0 } }

  /// The kernel's name of a partition: /dev/sda1, but /dev/nvme0n1p1.
  private func partition(_ number: Int) -> FilePath {
    FilePath(disk.string + (disk.string.last?.isNumber == true ? "p\(number)" : "\(number)"))
  }
}
