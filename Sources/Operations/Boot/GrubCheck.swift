import Btrfs
import Glibc
import Host
import SnapshotTree
import Store
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
    for file in [boot.kernel, boot.initrd] {
      let path = root.appending(file)
      var reason = try failure(to: path, on: device)
      // A commit of the file system, by whomever, takes away the blocks it is just reading.
      for _ in 1..<Self.attempts where reason != nil { reason = try failure(to: path, on: device) }
      guard let reason else { continue }
      throw AstError(
        .failed, "GRUB cannot read \(store.pushing(path)): \(reason)", state: .unchanged,
        hint: "is the file system damaged, or of a kind GRUB does not know (btrfs(5), RAID and compression)?")
    }
  }

  private static let attempts = 10

  /// Why GRUB does not read a file of the store as it is; nil if it does.
  private func failure(to path: FilePath, on device: FilePath) throws -> String? {
    // It reads the device, and a file system writes past the device's cache: what was read before may be old.
    try ChildProcess("blockdev", ["--flushbufs", device.string]).run()
    let name = "/\(Machine.store)/\(path)"
    do {
      try ChildProcess("grub-fstest", [device.string, "cmp", name, store.pushing(path).string]).run()
      return nil
    } catch let error as AstError where error.code == .failed {
      return error.message
    }
  }
}
