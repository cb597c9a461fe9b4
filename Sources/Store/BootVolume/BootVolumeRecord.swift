import Btrfs
import FoundationEssentials
import Glibc
import Host
import SystemPackage

/// The record of a boot volume: the file system that GRUB reads kernels and the menu from, because it cannot read the
/// store. A file in the store, replaced as a whole; without it GRUB reads the store itself.
package struct BootVolumeRecord: Codable, Equatable, Sendable {
  /// The two places that there are.
  package enum Kind: String, Codable, Sendable {
    /// The EFI system partition.
    case esp
    /// A partition of its own.
    case partition
  }

  /// The place.
  package let kind: Kind
  /// The UUID of its file system, as blkid(8) prints it.
  package let fileSystem: String
  /// The type of its file system, as mount(8) names it.
  package let type: String
  /// The directory where the machine mounts it.
  package let mountPoint: String
  /// The UUID of the LUKS volume that the store is in; nil if it is in none, or that is not recorded.
  package let encryption: String?

  /// The record's file, below the store's directory.
  package static let path: FilePath = "ast/boot-volume.json"

  /// The directory of a boot loader on a boot volume, from its top: what `@grub` is on a disk without one.
  package static let loader: FilePath = "ast/grub"

  /// A record with these values.
  package init(kind: Kind, fileSystem: String, type: String, mountPoint: String, encryption: String? = nil) {
    self.kind = kind
    self.fileSystem = fileSystem
    self.type = type
    self.mountPoint = mountPoint
    self.encryption = encryption
  }

  /// The record of the store at `root`; nil if GRUB reads the store itself.
  ///
  /// - Throws: `AstError` (damaged) if there is a record that cannot be read.
  package init?(in root: FilePath) throws {
    let path = root.pushing(Self.path)
    do {
      self = try JSONDecoder().decode(Self.self, from: Files.contents(of: path))
    } catch let error as FileError where error.errno == .noSuchFileOrDirectory {
      return nil
    } catch let error as FileError {
      throw AstError(.damaged, "\(error)", state: .unchanged)
    } catch {
      throw AstError(.damaged, "\(path) cannot be read: \(error)", state: .unchanged)
    }
  }

  /// Writes the record to the store at `root`. A power cut leaves the old record or the new one, complete.
  package func write(in root: FilePath) throws {
    try RecordFile.write(self, at: Self.path, in: root)
    failPoint("boot volume recorded")
  }
}
