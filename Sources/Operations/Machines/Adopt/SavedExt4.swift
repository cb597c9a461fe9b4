import Btrfs
import Glibc
import SystemPackage

/// What btrfs-convert(8) leaves of the ext4 that a file system was before: a subvolume with its blocks.
public struct SavedExt4: Sendable, Equatable {
  /// The name of the subvolume at the top level.
  static let name = "ext2_saved"

  /// The bytes that nothing else needs.
  public let size: Int64
  /// A device of the file system.
  public let device: FilePath
  /// Whether the metadata are on the disk once only, as btrfs-convert leaves them.
  public let hasSingleMetadata: Bool

  /// Looks for it at the top level of a file system on `devices`; nil if it is not there.
  init?(at top: FilePath, on devices: [FilePath]) throws {
    let path = top.appending(Self.name)
    guard try Subvolume.isSubvolume(at: path), let device = devices.first else { return nil }
    self.device = device
    size = try Subvolume(at: path).usage().exclusive
    hasSingleMetadata = try devices.count == 1 && FileSystem.hasSingleMetadata(top)
  }

  /// What to know of it, in one sentence.
  public var advice: String {
    let delete = "mount -o subvolid=5 \(device) /mnt && btrfs subvolume delete /mnt/\(Self.name)"
    let twice = hasSingleMetadata ? ", and `btrfs balance start -mconvert=dup /mnt` keeps the metadata twice" : ""
    return "\(Self.name) keeps \(size >> 20) MiB of the ext4 from before; `\(delete)` deletes it\(twice)"
  }
}
