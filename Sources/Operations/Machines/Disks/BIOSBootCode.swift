import Host
import SystemPackage

/// GRUB for a BIOS, which starts what is in the first sector of a disk: that loads the core from a partition of its own.
/// The places in the images are those of `include/grub/i386/pc/boot.h` of GRUB.
struct BIOSBootCode {
  private static let sector = 512
  /// The sector the core begins in, eight bytes; its first one is written there.
  private static let coreSector = 0x5c
  /// A jump that trusts a BIOS to say which disk it starts from. Some do not; two bytes of nothing do without it.
  private static let driveCheck = 0x66
  /// From here to the end of the sector it is the partition table's.
  private static let partitionTable = 0x1b8
  /// The core's first sector loads the others: where they begin (8 bytes), how many (2), and to which segment (2).
  private static let blockList = 0x1f4
  private static let segment: UInt16 = 0x820

  /// What goes into the first sector, but for the partition table.
  let boot: [UInt8]
  /// What goes into the partition.
  let core: [UInt8]

  /// Prepares the images: GRUB's `boot.img`, and what grub-mkimage(1) made.
  init(boot: [UInt8], core: [UInt8]) throws {
    let place = Partitions.coreSectors
    let sectors = (core.count + Self.sector - 1) / Self.sector
    guard boot.count == Self.sector, sectors > 1, sectors <= place.count else {
      throw AstError(.failed, "the images of GRUB have not the expected sizes (\(boot.count) and \(core.count) bytes)")
    }
    var boot = boot
    boot.replace(at: Self.coreSector, with: UInt64(place.lowerBound))
    boot.replaceSubrange(Self.driveCheck..<Self.driveCheck + 2, with: [0x90, 0x90])
    self.boot = Array(boot[..<Self.partitionTable])
    var core = core + [UInt8](repeating: 0, count: sectors * Self.sector - core.count)
    core.replace(at: Self.blockList, with: UInt64(place.lowerBound + 1))
    core.replace(at: Self.blockList + 8, with: UInt16(sectors - 1))
    core.replace(at: Self.blockList + 10, with: Self.segment)
    self.core = core
  }

  /// Writes them. The sector's end, with the partition table, stays.
  func write(to disk: FilePath) throws {
    try Files.attempt("write", disk) {
      let file = try FileDescriptor.open(disk, .writeOnly, options: .closeOnExec)
      try file.closeAfter {
        _ = try file.writeAll(toAbsoluteOffset: Partitions.coreSectors.lowerBound * Int64(Self.sector), core)
        _ = try file.writeAll(toAbsoluteOffset: 0, boot)
      }
    }
  }
}

extension [UInt8] {
  fileprivate mutating func replace(at place: Int, with number: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: number.littleEndian) { replaceSubrange(place..<place + $0.count, with: $0) }
  }
}
