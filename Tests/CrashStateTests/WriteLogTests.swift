import TestSupport
import Testing

/// Bytes of a log with 512-byte sectors, one entry after the other.
private func log(
  magic: UInt64 = 0x6a_7366_7773_6872, version: UInt64 = 1, count: UInt64? = nil, sectorSize: UInt32 = 512,
  _ entries: [(sector: UInt64, sectors: UInt64, flags: UInt64)]
) -> [UInt8] {
  func bytes(_ numbers: [UInt64]) -> [UInt8] {
    numbers.flatMap { number in (0..<8).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) } }
  }
  func padded(_ bytes: [UInt8]) -> [UInt8] { bytes + [UInt8](repeating: 0, count: 512 - bytes.count) }

  let superblock = bytes([magic, version, count ?? UInt64(entries.count), UInt64(sectorSize)])
  return padded(superblock)
    + entries.flatMap { entry in
      let stored = entry.flags & 4 == 0 ? Int(entry.sectors) * 512 : 0
      return padded(bytes([entry.sector, entry.sectors, entry.flags, 0])) + [UInt8](repeating: 0xaa, count: stored)
    }
}

private func parse(_ bytes: [UInt8]) throws -> WriteLog {
  try WriteLog(size: Int64(bytes.count)) { Array(bytes[Int($0)..<min(bytes.count, Int($0) + $1)]) }
}

@Suite struct WriteLogTests {
  @Test func entriesFollowEachOtherWithTheirData() throws {
    let parsed = try parse(log([(8, 2, 0), (0, 0, 1), (16, 1, 2), (32, 64, 4), (0, 0, 8), (40, 1, 1)]))
    #expect(parsed.sectorSize == 512)
    #expect(
      parsed.entries == [
        .init(flags: [], offset: 4096, length: 1024, header: 512, data: 1024),
        .init(flags: .flush, offset: 0, length: 0, header: 2048, data: 2560),
        .init(flags: .durable, offset: 8192, length: 512, header: 2560, data: 3072),
        .init(flags: .discard, offset: 16384, length: 32768, header: 3584, data: 4096),
        .init(flags: .label, offset: 0, length: 0, header: 4096, data: 4608),
        .init(flags: .flush, offset: 20480, length: 512, header: 4608, data: 5120),
      ])
    #expect(parsed.entries.map(\.changesTheDisk) == [true, false, true, true, false, true])
  }

  @Test func aLogMayBeAheadOfItsSuperblock() throws {
    #expect(try parse(log(count: 1, [(0, 1, 0), (0, 0, 1)])).entries.count == 2)
    #expect(try parse(log([])).entries.isEmpty)
  }

  @Test(arguments: [
    (0, 0), (512, 0), (513, 1), (2048, 1), (2049, 2), (2560, 2), (1 << 40, 2),
  ])
  func aSizeOfTheLogStandsForTheEntriesBegunByThen(_ size: Int64, _ count: Int) throws {
    #expect(try parse(log([(8, 2, 0), (0, 0, 1)])).count(whenSizeWas: size) == count)
  }

  @Test(arguments: [
    ([UInt8](repeating: 0, count: 27), WriteLog.Malformation.noSuperblock),
    (log(magic: 1, []), .noSuperblock),
    (log(version: 2, []), .unknownVersion(2)),
    (log(sectorSize: 0, []), .badSectorSize(0)),
    (log(sectorSize: 768, []), .badSectorSize(768)),
    (log(count: 2, [(0, 1, 0)]), .truncated(entry: 1)),
    (Array(log([(0, 1, 0), (0, 2, 0)]).dropLast(1)), .truncated(entry: 1)),
    (Array(log([(0, 0, 1)]).dropLast(1)), .truncated(entry: 0)),
    (log([(.max, 0, 0)]), .truncated(entry: 0)),
    (log([(0, 1 << 60, 4)]), .truncated(entry: 0)),
  ])
  func otherBytesAreRefused(_ bytes: [UInt8], _ error: WriteLog.Malformation) {
    #expect(throws: error) { try parse(bytes) }
  }
}
