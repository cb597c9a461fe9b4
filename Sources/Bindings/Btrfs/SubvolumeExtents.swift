import CBtrfs
import CBtrfsUtil
import SystemPackage

/// The extents the files of one subvolume refer to.
struct SubvolumeExtents {
  /// A piece of the disk, as btrfs allocates and frees it: whole.
  struct Extent {
    let address: UInt64
    let length: UInt64
    var end: UInt64 { address + length }
  }

  /// Each extent once, by address.
  let extents: [Extent]
  /// The bytes stored in the tree itself.
  let inlineBytes: UInt64
  /// The inodes that have extents.
  let inodes: Set<UInt64>

  var referencedBytes: Int64 {
    Int64(inlineBytes + extents.reduce(0) { $0 + $1.length })
  }

  /// The sum of the extents that none of `ranges` (in any order) touches.
  func bytes(outside ranges: [Range<UInt64>]) -> Int64 {
    let ranges = ranges.sorted { $0.lowerBound < $1.lowerBound }
    var next = ranges.startIndex
    var coveredUpTo: UInt64 = 0
    var sum: UInt64 = 0
    for extent in extents {
      while next < ranges.endIndex, ranges[next].lowerBound < extent.end {
        coveredUpTo = max(coveredUpTo, ranges[next].upperBound)
        next += 1
      }
      if coveredUpTo <= extent.address { sum += extent.length }
    }
    return Int64(sum)
  }
}

extension SubvolumeExtents {
  /// `found` in any order; address 0 stands for inline data.
  init(_ found: [cbtrfs_extent]) {
    let sorted = found.filter { $0.address != 0 }.sorted { $0.address < $1.address }
    var extents: [Extent] = []
    for extent in sorted where extent.address != extents.last?.address {
      extents.append(Extent(address: extent.address, length: extent.length))
    }
    self.extents = extents
    inodes = Set(sorted.lazy.map(\.inode))
    inlineBytes = found.reduce(0) { $0 + ($1.address == 0 ? $1.length : 0) }
  }
}

extension Subvolume {
  /// Reads the extent items of all files out of the subvolume's tree.
  func readExtents() throws(BtrfsError) -> SubvolumeExtents {
    let operation = "measure"
    try requireSubvolume(for: operation)
    var walk = cbtrfs_extent_walk()
    try BtrfsError.check(operation, path) { btrfs_util_subvolume_id($0, &walk.root) }
    let directory = try OpenFile(path, for: operation)

    let bufferSize = 1 << 20
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bufferSize, alignment: 8)
    defer { buffer.deallocate() }
    let batch = UnsafeMutableBufferPointer<cbtrfs_extent>.allocate(capacity: cbtrfs_extents_per_buffer(bufferSize))
    defer { batch.deallocate() }
    var found: [cbtrfs_extent] = []
    while walk.finished == 0 {
      let count = try BtrfsError.check(
        operation, path,
        result: cbtrfs_next_extents(
          directory.descriptor, &walk, buffer.baseAddress, bufferSize, batch.baseAddress))
      found.append(contentsOf: batch[..<count])
    }
    return SubvolumeExtents(found)
  }
}
