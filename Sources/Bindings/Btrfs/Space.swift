import CBtrfs
import Glibc
import SystemPackage

/// The space of a btrfs, in bytes. `size`, `allocated`, `unallocated` and `used` count bytes of the devices, so data
/// kept twice counts twice; `available` is what can still be written.
public struct Space: Sendable, Equatable {
  /// The size of all devices together.
  public let size: Int64
  /// The bytes in block groups, used or not.
  public let allocated: Int64
  /// The bytes that data and metadata take.
  public let used: Int64
  /// The bytes of data that can still be written, by the kernel's estimate (statvfs(3)); 0 also if only the space for
  /// metadata has run out.
  public let available: Int64
  /// The bytes that are not in a block group yet.
  public var unallocated: Int64 { size - allocated }
}

extension FileSystem {
  /// The space of the btrfs at `path`. Needs no privileges.
  ///
  /// Throws `.notBtrfs`, `.notFound`, `.notPermitted`.
  public static func space(of path: FilePath) throws(BtrfsError) -> Space {
    let operation = "examine the space of"
    let file = try OpenFile(path, flags: O_RDONLY, for: operation)
    var info = cbtrfs_file_system()
    try BtrfsError.check(operation, path, result: cbtrfs_read_file_system(file.descriptor, &info))

    var status = statvfs()
    guard fstatvfs(file.descriptor, &status) == 0 else {
      throw BtrfsError(operation, path, Errno(rawValue: Glibc.errno))
    }
    return Space(
      devices: try devices(file, path, operation, upTo: info.highest_device),
      groups: try blockGroups(file, path, operation),
      available: Int64(status.f_bavail) * Int64(status.f_frsize))
  }

  /// Whether the metadata of the btrfs at `path`, or some of them, are on its devices once only: then a bad block can
  /// take the file system with it.
  ///
  /// Throws `.notBtrfs`, `.notFound`, `.notPermitted`.
  public static func hasSingleMetadata(_ path: FilePath) throws(BtrfsError) -> Bool {
    let operation = "examine the space of"
    let file = try OpenFile(path, flags: O_RDONLY, for: operation)
    // BTRFS_BLOCK_GROUP_METADATA, and the bits of the profiles from RAID0 to RAID1C4 (linux/btrfs_tree.h).
    return try blockGroups(file, path, operation).contains { $0.flags & 1 << 2 != 0 && $0.flags & 0x7f8 == 0 }
  }

  private static func devices(
    _ file: borrowing OpenFile, _ path: FilePath, _ operation: String, upTo highest: UInt64
  ) throws(BtrfsError) -> [cbtrfs_device] {
    var devices: [cbtrfs_device] = []
    // Device 0 is the target of a running `btrfs replace` and adds no capacity.
    for id in 1...max(highest, 1) {
      var device = cbtrfs_device()
      let result = cbtrfs_read_device(file.descriptor, id, &device)
      if result == -ENODEV { continue }
      try BtrfsError.check(operation, path, result: result)
      devices.append(device)
    }
    return devices
  }

  private static func blockGroups(
    _ file: borrowing OpenFile, _ path: FilePath, _ operation: String
  ) throws(BtrfsError) -> [cbtrfs_block_groups] {
    // Kinds times profiles: while a balance converts there are two profiles of each of three kinds.
    var groups = [cbtrfs_block_groups](repeating: cbtrfs_block_groups(), count: 64)
    let count = try BtrfsError.check(
      operation, path, result: cbtrfs_read_block_groups(file.descriptor, &groups, groups.count))
    return Array(groups.prefix(count))
  }
}

extension Space {
  init(devices: [cbtrfs_device], groups: [cbtrfs_block_groups], available: Int64) {
    let allocated = devices.reduce(0) { $0 + $1.allocated }
    // The reserve (BTRFS_SPACE_INFO_GLOBAL_RSV) is part of the metadata block groups.
    let groups = groups.filter { $0.flags & (1 << 49) == 0 }
    // How many bytes of parity come with a byte depends on the devices of each block group; all of them together
    // take what the other kinds leave over.
    let others = groups.reduce(0) { $0 + $1.total * ($1.copies ?? 0) }
    let withParity = groups.reduce(0) { $0 + ($1.copies == nil ? $1.total : 0) }
    let parityFactor = withParity == 0 ? 0 : Double(allocated - min(others, allocated)) / Double(withParity)
    let used = groups.reduce(0) { sum, group in
      sum + (group.copies.map { group.used * $0 } ?? UInt64(Double(group.used) * parityFactor))
    }
    self.init(
      size: Int64(devices.reduce(0) { $0 + $1.size }), allocated: Int64(allocated), used: Int64(used),
      available: available)
  }
}

extension cbtrfs_block_groups {
  /// How often each byte is stored; nil with parity (RAID 5 and 6). The bits are BTRFS_BLOCK_GROUP_*
  /// (linux/btrfs_tree.h).
  fileprivate var copies: UInt64? {
    if flags & (1 << 7 | 1 << 8) != 0 { return nil }  // RAID5, RAID6
    if flags & (1 << 4 | 1 << 5 | 1 << 6) != 0 { return 2 }  // RAID1, DUP, RAID10
    if flags & (1 << 9) != 0 { return 3 }  // RAID1C3
    if flags & (1 << 10) != 0 { return 4 }  // RAID1C4
    return 1
  }
}
