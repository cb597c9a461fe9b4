import CBtrfs
import Glibc
import SystemPackage

/// The top level of a btrfs, from where every subvolume can be reached. It is not attached anywhere, so other processes
/// do not see it, and it ends with this object or the process.
public final class TopLevel: Sendable {
  private let mount: Int32
  /// The device it was mounted from.
  public let device: FilePath

  /// Its path in this process, and only in this one.
  public var path: FilePath { FilePath("/proc/self/fd/\(mount)") }

  /// Mounts the top level of the file system that `path` is on. Needs CAP_SYS_ADMIN.
  ///
  /// Throws `.notBtrfs`, `.notFound`, `.notPermitted`, `.busy` if the file system is mounted read-only.
  public init(of path: FilePath) throws(BtrfsError) {
    guard let device = try FileSystem.devices(of: path).first else {
      throw BtrfsError("find a device of", path, .noSuchAddressOrDevice)
    }
    let mount = device.withPlatformString(cbtrfs_mount_top_level)
    try BtrfsError.check("mount the top level of", device, result: mount)
    self.mount = mount
    self.device = device
  }

  deinit { close(mount) }
}

extension FileSystem {
  /// Whether the btrfs at `path` is on more than one device, present or missing.
  ///
  /// Throws `.notBtrfs`, `.notFound`, `.notPermitted`.
  public static func hasSeveralDevices(_ path: FilePath) throws(BtrfsError) -> Bool { try deviceCount(of: path) > 1 }

  /// Whether the btrfs at `path` is mounted without one of its devices.
  ///
  /// Throws `.notBtrfs`, `.notFound`, `.notPermitted`.
  public static func isDegraded(_ path: FilePath) throws(BtrfsError) -> Bool {
    try devices(of: path).count < deviceCount(of: path)
  }

  private static func deviceCount(of path: FilePath) throws(BtrfsError) -> Int {
    let operation = "count the devices of"
    let file = try OpenFile(path, flags: O_RDONLY, for: operation)
    var info = cbtrfs_file_system()
    try BtrfsError.check(operation, path, result: cbtrfs_read_file_system(file.descriptor, &info))
    return Int(clamping: info.device_count)
  }

  /// The devices of the btrfs at `path` that are present, as the kernel knows them.
  ///
  /// Throws `.notBtrfs`, `.notFound`, `.notPermitted`.
  public static func devices(of path: FilePath) throws(BtrfsError) -> [FilePath] {
    let operation = "find the devices of"
    let file = try OpenFile(path, flags: O_RDONLY, for: operation)
    var info = cbtrfs_file_system()
    try BtrfsError.check(operation, path, result: cbtrfs_read_file_system(file.descriptor, &info))
    var name = [CChar](repeating: 0, count: 1025)  // BTRFS_DEVICE_PATH_NAME_MAX and NUL
    var devices: [FilePath] = []
    for id in 1...max(info.highest_device, 1) {
      let result = cbtrfs_read_device_path(file.descriptor, id, &name, name.count)
      if result == -ENODEV || result == -ENOENT { continue }
      try BtrfsError.check(operation, path, result: result)
      devices.append(FilePath(platformString: name))
    }
    return devices
  }
}
