/// The writes and flushes of a disk, in their order, as Linux' device-mapper target "log-writes" and QEMU's driver
/// `blklogwrites` record them (`drivers/md/dm-log-writes.c`, `block/blklogwrites.c`).
///
/// All numbers are little-endian. The first sector is the superblock; every entry is a sector with its header and
/// after that the sectors written.
package struct WriteLog: Equatable {
  /// The kind of request of an entry. Without any of these flags it is a plain write.
  package struct Flags: OptionSet {
    package let rawValue: UInt64

    package init(rawValue: UInt64) { self.rawValue = rawValue }

    package static let flush = Flags(rawValue: 1)
    /// "Force unit access": durable on its own, without a flush.
    package static let durable = Flags(rawValue: 2)
    package static let discard = Flags(rawValue: 4)
    /// A label in the log, which is not a request.
    package static let label = Flags(rawValue: 8)
  }

  /// One request; positions and lengths are in bytes.
  package struct Entry: Equatable {
    package var flags: Flags
    /// The place on the disk, and the length.
    package var offset: Int64
    package var length: Int64
    /// The place of the entry's header in the log.
    package var header: Int64
    /// The place of the written bytes in the log. A discard has none.
    package var data: Int64

    package init(flags: Flags, offset: Int64, length: Int64, header: Int64, data: Int64) {
      self.flags = flags
      self.offset = offset
      self.length = length
      self.header = header
      self.data = data
    }

    /// Whether the disk is another one after it.
    package var changesTheDisk: Bool { length > 0 && !flags.contains(.label) }
  }

  /// Why bytes are not a log.
  package enum Malformation: Error, Equatable {
    case noSuperblock
    case unknownVersion(UInt64)
    case badSectorSize(UInt64)
    /// The log ends, or leads out of itself, in the entry with this number.
    case truncated(entry: Int)
  }

  package let sectorSize: Int64
  package let entries: [Entry]

  /// Reads the log in a file of `size` bytes.
  ///
  /// Entries are read to the end of the file. QEMU updates the count in the superblock only now and then, so more
  /// entries than that are not an error, but fewer are.
  package init(size: Int64, read: (_ offset: Int64, _ count: Int) throws -> [UInt8]) throws {
    guard size >= Self.superblockSize else { throw Malformation.noSuperblock }
    let superblock = try read(0, Self.superblockSize)
    guard Self.number(at: 0, in: superblock) == Self.magic else { throw Malformation.noSuperblock }
    let version = Self.number(at: 8, in: superblock)
    guard version == 1 else { throw Malformation.unknownVersion(version) }
    let sector = Self.number(at: 24, bytes: 4, in: superblock)
    guard (512...65536).contains(sector), sector.nonzeroBitCount == 1 else { throw Malformation.badSectorSize(sector) }
    sectorSize = Int64(sector)

    var entries: [Entry] = []
    var position = sectorSize
    while position + sectorSize <= size {
      let header = try read(position, Self.headerSize)
      let flags = Flags(rawValue: Self.number(at: 16, in: header))
      guard
        let offset = Self.bytes(sectors: Self.number(at: 0, in: header), of: sectorSize),
        let length = Self.bytes(sectors: Self.number(at: 8, in: header), of: sectorSize)
      else { throw Malformation.truncated(entry: entries.count) }
      let data = position + sectorSize
      let stored = flags.contains(.discard) ? 0 : length
      guard stored <= size - data else { throw Malformation.truncated(entry: entries.count) }
      entries.append(Entry(flags: flags, offset: offset, length: length, header: position, data: data))
      position = data + stored
    }
    guard UInt64(entries.count) >= Self.number(at: 16, in: superblock) else {
      throw Malformation.truncated(entry: entries.count)
    }
    self.entries = entries
  }

  /// How many entries there were when the log was `size` bytes long, including one that was just being written.
  package func count(whenSizeWas size: Int64) -> Int {
    entries.prefix { $0.header < size }.count
  }

  private static let magic: UInt64 = 0x6a_7366_7773_6872
  private static let superblockSize = 28
  private static let headerSize = 32

  private static func number(at position: Int, bytes count: Int = 8, in bytes: [UInt8]) -> UInt64 {
    bytes[position..<position + count].reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  private static func bytes(sectors: UInt64, of sectorSize: Int64) -> Int64? {
    guard let sectors = Int64(exactly: sectors) else { return nil }
    let (bytes, overflow) = sectors.multipliedReportingOverflow(by: sectorSize)
    return overflow ? nil : bytes
  }
}
