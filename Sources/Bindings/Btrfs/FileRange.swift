import CBtrfs
import SystemPackage

/// A piece of a file and its place on the disk, as the kernel reports it (FIEMAP).
struct FileRange {
  /// Its offset in the file.
  let offset: UInt64
  /// Its length in bytes of the file.
  let length: UInt64
  /// Its address on the disk; for a compressed extent, the address of the whole extent.
  let address: UInt64
  /// Whether it is compressed.
  let isEncoded: Bool
  /// Whether another file, or this one in another subvolume, uses the same place.
  let isShared: Bool
  /// Whether it has blocks of its own, and is not stored in the metadata.
  let hasPlace: Bool

  /// The pieces of a file in order, without holes.
  static func all(of file: Int32) throws(Errno) -> [FileRange] {
    var ranges: [FileRange] = []
    var start: UInt64 = 0
    var batch = [cbtrfs_range](repeating: cbtrfs_range(), count: Int(CBTRFS_RANGES_PER_CALL))
    while start != .max {
      let count = cbtrfs_ranges(file, &start, &batch)
      guard count >= 0 else { throw Errno(rawValue: -count) }
      ranges += batch.prefix(Int(count)).map(FileRange.init)
    }
    return ranges
  }

  private init(_ range: cbtrfs_range) {
    (offset, length, address) = (range.offset, range.length, range.address)
    isEncoded = range.is_encoded != 0
    isShared = range.is_shared != 0
    hasPlace = range.has_place != 0
  }

  /// Where the next piece would begin.
  var end: UInt64 { offset + length }

  /// Whether both use the same bytes of the disk for the same bytes of their files. However the kernel
  /// cuts an extent into pieces, its beginning on the disk is as far away from its beginning in the file.
  func hasPlace(of other: FileRange) -> Bool {
    guard hasPlace, other.hasPlace, isEncoded == other.isEncoded else { return false }
    return isEncoded ? address == other.address : address &- offset == other.address &- other.offset
  }
}
