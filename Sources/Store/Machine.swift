import Btrfs
import FoundationEssentials
import Glibc
import Host
import SystemPackage

/// The disk that a machine boots from: the btrfs around a store, with the subvolumes of the layout at its top level.
package struct Machine {
  /// The subvolume with the store.
  package static let store = "@snapshots"
  /// The subvolume mounted at `/var`: data that all deployments share. A machine that had another /var when it was
  /// adopted has none.
  package static let variable = "@var"
  /// The subvolume mounted at `/boot/grub`: the boot loader's own files.
  package static let grub = "@grub"

  private let topLevel: TopLevel
  /// The UUID of the file system.
  package let fileSystem: UUID

  /// The disk around the store at `root`; nil if the disk has another layout, from which nothing boots.
  init?(around root: FilePath) throws {
    topLevel = try TopLevel(of: root)
    fileSystem = try FileSystem.uuid(of: root)
    let isStore = try Self.isSame(topLevel.path.appending(Self.store), root)
    guard try isStore && Subvolume.isSubvolume(at: path(of: Self.grub)) else { return nil }
  }

  /// A device of the file system.
  package var device: FilePath { topLevel.device }

  /// The path of one of its subvolumes, valid in this process only, and as long as this machine is there.
  package func path(of subvolume: String) -> FilePath { topLevel.path.appending(subvolume) }

  /// Commits what was written. Boot loaders do not see data that are only in the log.
  package func sync() throws { try FileSystem.sync(topLevel.path) }

  /// Inode numbers are unique in a subvolume, and a subvolume has one UUID.
  private static func isSame(_ candidate: FilePath, _ root: FilePath) throws -> Bool {
    guard try Subvolume.isSubvolume(at: candidate), try Subvolume.isSubvolume(at: root) else { return false }
    return try Subvolume(at: candidate).info().uuid == Subvolume(at: root).info().uuid
  }
}

extension Store {
  /// The disk a machine boots from.
  ///
  /// - Throws: `AstError` (refused) if the store is on another disk.
  package func requireMachine() throws -> Machine {
    guard let machine = try Machine(around: root) else {
      throw AstError(
        .refused, "no machine boots from the disk of \(root)", state: .unchanged,
        hint: "`ast bootstrap` makes a disk that boots")
    }
    return machine
  }
}
