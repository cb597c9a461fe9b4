import CBtrfs
import SystemPackage

/// A piece of a file, and where on the disk it is, as the kernel tells it (FIEMAP).
struct FileRange {
  /// Where in the file it begins.
  let offset: UInt64
  /// How many bytes of the file it has.
  let length: UInt64
  /// Where it begins on the disk; of a compressed extent, where all of that begins.
  let address: UInt64
  /// Whether it is compressed.
  let isEncoded: Bool
  /// Whether another file, or this one in another subvolume, uses the same place.
  let isShared: Bool
  /// Whether it has blocks, and is not kept among the metadata.
  let hasPlace: Bool

  /// The pieces of a file, in their order, without holes.
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

  /// Whether both have the same bytes of the disk where they are at the same bytes of their files. However the kernel
  /// cuts an extent into pieces, its beginning on the disk is as far away from its beginning in the file.
  func hasPlace(of other: FileRange) -> Bool {
    guard hasPlace, other.hasPlace, isEncoded == other.isEncoded else { return false }
    return isEncoded ? address == other.address : address &- offset == other.address &- other.offset
  }
}
