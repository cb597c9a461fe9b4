import Btrfs
import Glibc
import SnapshotTree
import SystemPackage

/// GRUB's own driver, asked by grub-fstest(1) whether it reads what it is to boot, where that program is installed and
/// the file system is on one disk.
struct GrubCheck {
  private let store: FilePath
  private let devices: [FilePath]

  init(in store: FilePath) throws {
    self.store = store
    devices = try FileSystem.devices(of: store)
  }

  /// Makes sure that GRUB sees the kernel and the initrd of a root as they are.
  ///
  /// - Parameter root: the path of the root's subvolume in the store.
  func requireReadable(_ boot: BootFiles, in root: FilePath) throws {
    // It is given one disk; of several, each has only a part.
    guard access("/usr/bin/grub-fstest", X_OK) == 0, let device = devices.first, devices.count == 1 else { return }
    // It reads the device, and a file system writes past the device's cache: what was read before may be old.
    try ChildProcess("blockdev", ["--flushbufs", device.string]).run()
    for file in [boot.kernel, boot.initrd] {
      let path = root.appending(file)
      let name = "/\(Machine.store)/\(path)"
      do {
        try ChildProcess("grub-fstest", [device.string, "cmp", name, store.pushing(path).string]).run()
      } catch let error as AstError where error.code == .failed {
        throw AstError(
          .failed, "GRUB cannot read \(store.pushing(path)): \(error.message); nothing was changed",
          hint: "is the file system damaged, or of a kind GRUB does not know (btrfs(5), RAID and compression)?")
      }
    }
  }
}
