import CBtrfs
import Glibc
import SystemPackage

/// The top level of a btrfs, from where every subvolume can be reached: mounted nowhere, so nobody else sees it, and
/// gone with this object or the process.
public final class TopLevel: Sendable {
  private let mount: Int32

  /// Its path in this process, and only in this one.
  public var path: FilePath { FilePath("/proc/self/fd/\(mount)") }

  /// Mounts the top level of the file system that `path` is on. Needs CAP_SYS_ADMIN.
  ///
  /// Throws `.notBtrfs`, `.notFound`, `.notPermitted`, `.busy` where the file system is mounted read-only.
  public init(of path: FilePath) throws(BtrfsError) {
    let device = try FileSystem.device(of: path)
    let mount = device.withPlatformString(cbtrfs_mount_top_level)
    try BtrfsError.check("mount the top level of", device, result: mount)
    self.mount = mount
  }

  deinit { close(mount) }
}

extension FileSystem {
  /// A device of the btrfs at `path`.
  ///
  /// Throws `.notBtrfs`, `.notFound`, `.notPermitted`.
  public static func device(of path: FilePath) throws(BtrfsError) -> FilePath {
    let operation = "find the device of"
    let file = try OpenFile(path, flags: O_RDONLY, for: operation)
    var info = cbtrfs_file_system()
    try BtrfsError.check(operation, path, result: cbtrfs_read_file_system(file.descriptor, &info))
    var name = [CChar](repeating: 0, count: 1025)  // BTRFS_DEVICE_PATH_NAME_MAX and NUL
    for id in 1...max(info.highest_device, 1) {
      let result = cbtrfs_read_device_path(file.descriptor, id, &name, name.count)
      if result == 0 { return name.withUnsafeBufferPointer { FilePath(platformString: Array($0)) } }
      guard result == -ENODEV || result == -ENOENT else { throw BtrfsError(operation, path, Errno(rawValue: -result)) }
    }
    throw BtrfsError(operation, path, .noSuchAddressOrDevice)
  }
}
