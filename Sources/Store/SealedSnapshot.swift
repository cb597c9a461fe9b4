import Btrfs
import DebianFormats
import Host
import Rootfs
import SnapshotTree

/// A read-only, durable subvolume under its final name. Only such a snapshot can be committed.
package struct SealedSnapshot {
  /// Its UUID, by which the tree identifies it.
  package let identity: SubvolumeUUID
  /// The bytes it refers to.
  package let size: Int64
  /// The packages installed in it; nil if it has no dpkg.
  package let packages: [Package]?
  /// Its boot files; nil if it cannot boot.
  package let boot: BootFiles?

  package init(_ subvolume: Subvolume, boot: BootFiles?) throws {
    self.boot = boot
    identity = SubvolumeUUID(try subvolume.info().uuid)
    size = try subvolume.referencedBytes()
    packages = try PackageDatabase.installed(in: subvolume.path)?.map(Package.init)
  }
}

extension Package {
  /// A package as the tree records it.
  package init(_ installed: InstalledPackage) {
    self.init(name: installed.name, architecture: installed.architecture, version: installed.version)
  }
}
