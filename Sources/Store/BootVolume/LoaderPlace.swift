import Btrfs
import SystemPackage

/// The place of grub.cfg and the boot menu.
package struct LoaderPlace: Sendable {
  /// The UUID of the file system.
  package let fileSystem: String
  /// The directory of the boot loader, an absolute path from the top of that file system.
  package let directory: FilePath

  /// The place on the machine of the store at `root`: on the boot volume, if there is one.
  package init(of root: FilePath) throws {
    if let record = try BootVolumeRecord(in: root) {
      self.init(onVolume: record.fileSystem)
    } else {
      self.init(onStore: try FileSystem.uuid(of: root).uuidString.lowercased())
    }
  }

  /// The place on the btrfs with the store.
  package init(onStore fileSystem: String) { self.init(fileSystem, FilePath("/\(Machine.grub)")) }

  /// The place on a boot volume.
  package init(onVolume fileSystem: String) {
    self.init(fileSystem, FilePath(root: "/").pushing(BootVolumeRecord.loader))
  }

  private init(_ fileSystem: String, _ directory: FilePath) {
    self.fileSystem = fileSystem
    self.directory = directory
  }
}
