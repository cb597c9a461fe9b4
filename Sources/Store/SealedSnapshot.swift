import Btrfs
import DebianFormats
import Host
import Rootfs
import SnapshotTree

/// A read-only, durable subvolume under its final name: what can be committed.
package struct SealedSnapshot {
  /// Its UUID: what the tree knows it by.
  package let identity: SubvolumeUUID
  /// The bytes it refers to.
  package let size: Int64
  /// What is installed in it; nil where there is no dpkg.
  package let packages: [Package]?
  /// What boots it; nil where nothing does.
  package let boot: BootFiles?

  package init(_ subvolume: Subvolume, boot: BootFiles?) throws {
    self.boot = boot
    identity = SubvolumeUUID(try subvolume.info().uuid)
    size = try subvolume.referencedBytes()
    packages = try PackageDatabase.installed(in: subvolume.path)?.map(Package.init)
  }
}

extension Package {
  /// A package as the tree remembers it.
  package init(_ installed: InstalledPackage) {
    self.init(name: installed.name, architecture: installed.architecture, version: installed.version)
  }
}
