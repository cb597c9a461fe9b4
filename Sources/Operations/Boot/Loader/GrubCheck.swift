import Btrfs
import Glibc
import Host
import SnapshotTree
import Store
import SystemPackage

/// A check by GRUB's own driver, with grub-fstest(1), that GRUB can read what it has to boot. It needs that program.
struct GrubCheck {
  private let store: FilePath
  private let devices: [FilePath]

  init(in store: FilePath) throws {
    self.store = store
    devices = try FileSystem.devices(of: store)
  }

  /// Ensures that GRUB reads the kernel and the initrd of a root as they are.
  ///
  /// - Parameter root: the path of the root's subvolume in the store.
  func requireReadable(_ boot: BootFiles, in root: FilePath) throws {
    for file in [boot.kernel, boot.initrd] {
      try Self.require(
        "/\(Machine.store)/\(root.appending(file))", on: devices, as: FilePath("/\(file)"), of: store.pushing(root))
    }
  }

  /// Ensures that GRUB reads the copies of a root's kernel and initrd as the files are.
  static func requireReadable(_ copies: BootFileCopies, of root: FilePath) throws {
    for (file, copy) in copies.copies { try require("/\(copy)", on: [copies.device], as: file, of: root) }
  }

  private static func require(_ name: String, on devices: [FilePath], as file: FilePath, of root: FilePath) throws {
    guard access("/usr/bin/grub-fstest", X_OK) == 0 else { return }
    let path = root.pushing(file)
    // A link in the node must not lead the program to a file of the host, so it gets an open file.
    guard let opened = try RootDirectory(root).openFollowing(file) else {
      throw AstError(.failed, "\(path) is not a regular file", state: .unchanged)
    }
    let reason = try opened.closeAfter { () throws -> String? in
      var reason = try failure(to: name, on: devices, as: opened)
      // Any commit of the file system can free the blocks that it is reading.
      for _ in 1..<attempts where reason != nil { reason = try failure(to: name, on: devices, as: opened) }
      return reason
    }
    guard let reason else { return }
    throw AstError(
      .failed, "GRUB cannot read \(path): \(reason)", state: .unchanged,
      hint:
        "the file system may be damaged, or use a feature that GRUB does not support (btrfs(5), RAID and compression)")
  }

  private static let attempts = 10

  /// Why GRUB does not read a file on these devices as it is; nil if it does.
  private static func failure(
    to name: String, on devices: [FilePath], as opened: FileDescriptor
  ) throws -> String? {
    let disks = devices.map(\.string)
    // It reads the devices, and a file system writes past their cache, which may have old data.
    try ChildProcess("blockdev", ["--flushbufs"] + disks).run()
    // Of several disks, the first stands for the file system on all of them.
    let options = ["--diskcount=\(disks.count)", "--root=loop0"]
    do {
      try ChildProcess("grub-fstest", options + disks + ["cmp", name, "/proc/\(getpid())/fd/\(opened.rawValue)"]).run()
      return nil
    } catch let error as AstError where error.code == .failed {
      return error.message
    }
  }
}
