@testable import Btrfs
import CBtrfs
import Glibc
import SystemPackage
import TestSupport
import Testing

@Suite(.requiresRoot) struct SubvolumeUsageTests {
  let directory: FilePath
  let subvolume: Subvolume

  init() throws {
    directory = try LoopBtrfs.shared.newDirectory()
    subvolume = try Subvolume.create(at: directory.appending("s"))
  }

  @Test func anEmptySubvolumeUsesNothing() throws {
    #expect(try subvolume.usage() == SubvolumeUsage(referenced: 0, exclusive: 0))
    #expect(try subvolume.referencedBytes() == 0)
  }

  @Test func usageCountsWholeExtentsOnce() throws {
    try makeFiles(20)
    let file = subvolume.path.appending("file 0")
    link(file.string, subvolume.path.appending("hard link").string)
    try FileSystem.sync(directory)
    #expect(try subvolume.usage() == SubvolumeUsage(referenced: 20 * 128 << 10, exclusive: 20 * 128 << 10))
    #expect(try subvolume.usage() == shownByBtrfs())
    #expect(try subvolume.referencedBytes() == 20 * 128 << 10)
  }

  @Test func whatASnapshotSharesIsNotExclusive() throws {
    try makeFiles(20)
    try FileSystem.sync(directory)
    let snapshot = try subvolume.snapshot(to: directory.appending("snapshot"), readOnly: true)
    #expect(try subvolume.usage() == SubvolumeUsage(referenced: 20 * 128 << 10, exclusive: 0))
    #expect(try subvolume.usage() == shownByBtrfs())

    try subvolume.path.appending("file 3").write(128 << 10, seed: 99)
    try subvolume.path.appending("new").write(64 << 10, seed: 98)
    unlink(subvolume.path.appending("file 4").string)
    try FileSystem.sync(directory)
    #expect(try subvolume.usage() == SubvolumeUsage(referenced: (19 * 128 + 64) << 10, exclusive: 192 << 10))
    #expect(try subvolume.usage() == shownByBtrfs())
    #expect(try snapshot.usage() == SubvolumeUsage(referenced: 20 * 128 << 10, exclusive: 256 << 10))

    try snapshot.delete()
    try FileSystem.waitForDeletions(on: directory)
    #expect(
      try subvolume.usage() == SubvolumeUsage(referenced: (19 * 128 + 64) << 10, exclusive: (19 * 128 + 64) << 10))
  }

  @Test func smallFilesCountTheirBytesAsReferenced() throws {
    for number in 0..<10 { try subvolume.path.appending("\(number)").write(100) }
    try FileSystem.sync(directory)
    #expect(try subvolume.usage() == SubvolumeUsage(referenced: 1000, exclusive: 0))
  }

  @Test func holesDoNotCount() throws {
    let path = subvolume.path.appending("sparse")
    try path.write(64 << 10)
    try #require(truncate(path.string, 1 << 30) == 0)
    try FileSystem.sync(directory)
    #expect(try subvolume.usage() == SubvolumeUsage(referenced: 64 << 10, exclusive: 64 << 10))
  }

  @Test func compressedDataCountsWhatItTakesOnDisk() throws {
    try runSuccessfully(["btrfs", "property", "set", subvolume.path.string, "compression", "zstd"])
    try subvolume.path.appending("text").write(repeatElement(UInt8(ascii: "a"), count: 4 << 20))
    try FileSystem.sync(directory)
    let alone = try subvolume.usage()
    #expect(alone.referenced > 0 && alone.referenced <= 256 << 10)
    #expect(alone.exclusive == alone.referenced)
    try subvolume.snapshot(to: directory.appending("snapshot"), readOnly: true)
    #expect(try subvolume.usage() == SubvolumeUsage(referenced: alone.referenced, exclusive: 0))
    try subvolume.path.appending("more").write(8 << 10)
    try FileSystem.sync(directory)
    #expect(try subvolume.usage().exclusive == 8 << 10)
  }

  @Test func nestedSubvolumesCountForThemselves() throws {
    // Both files have the first inode number of their subvolume.
    let nested = try Subvolume.create(at: subvolume.path.appending("nested"))
    try nested.path.appending("file").write(128 << 10)
    try subvolume.path.appending("file").write(64 << 10)
    try FileSystem.sync(directory)
    #expect(try subvolume.usage() == SubvolumeUsage(referenced: 64 << 10, exclusive: 64 << 10))
    try subvolume.snapshot(to: directory.appending("snapshot"), readOnly: true)
    #expect(try subvolume.usage() == SubvolumeUsage(referenced: 64 << 10, exclusive: 0))
    #expect(try nested.usage() == SubvolumeUsage(referenced: 128 << 10, exclusive: 128 << 10))
  }

  @Test func extentsSideBySideAreSharedEach() throws {
    let path = subvolume.path.appending("file")
    for piece in 0..<8 {
      let file = try FileDescriptor.open(path, .writeOnly, options: [.create, .append], permissions: .ownerReadWrite)
      try file.closeAfter { _ = try file.writeAll(repeatElement(UInt8(piece), count: 64 << 10)) }
      try FileSystem.sync(directory)
    }
    try subvolume.snapshot(to: directory.appending("snapshot"), readOnly: true)
    #expect(try subvolume.usage() == SubvolumeUsage(referenced: 512 << 10, exclusive: 0))
  }

  @Test func usageReachesDeepDirectoriesAndOddNames() throws {
    var path = subvolume.path
    for name in ["a b", "line\nfeed", "ü", #"quote"'"#, "..."] {
      path = path.appending(name)
      try path.makeDirectory()
      try path.appending("file").write(16 << 10)
    }
    try FileSystem.sync(directory)
    try subvolume.snapshot(to: directory.appending("snapshot"), readOnly: true)
    #expect(try subvolume.usage() == SubvolumeUsage(referenced: 80 << 10, exclusive: 0))
  }

  @Test func aFileOfManyExtentsIsMeasuredWhole() throws {
    let path = subvolume.path.appending("fragmented")
    try path.write(8 << 20)
    let snapshot = try subvolume.snapshot(to: directory.appending("snapshot"), readOnly: true)
    let file = try FileDescriptor.open(path, .writeOnly)
    try file.closeAfter {
      for block in 0..<500 {
        _ = try file.writeAll(toAbsoluteOffset: Int64(block) * 16384, repeatElement(UInt8(block & 255), count: 4096))
      }
    }
    try FileSystem.sync(directory)
    #expect(try subvolume.usage() == SubvolumeUsage(referenced: (8 << 20) + 500 * 4096, exclusive: 500 * 4096))
    #expect(try snapshot.referencedBytes() == 8 << 20)
    try subvolume.snapshot(to: directory.appending("another"), readOnly: true)
    #expect(try subvolume.usage() == SubvolumeUsage(referenced: (8 << 20) + 500 * 4096, exclusive: 0))
  }

  @Test func usageIsOnlyForSubvolumes() throws {
    try directory.appending("plain").makeDirectory()
    expectFailure(.notASubvolume) { try Subvolume(at: directory.appending("plain")).usage() }
    expectFailure(.notFound) { try Subvolume(at: directory.appending("missing")).referencedBytes() }
    expectFailure(.notBtrfs) { try Subvolume(at: "/dev/shm").referencedBytes() }
  }

  @Test(
    arguments: [
      ([], 600), ([0..<10], 600), ([100..<200], 500), ([150..<151], 500), ([199..<301], 300),
      ([500..<600, 100..<110], 200),
      ([200..<300], 600), ([0..<1000], 0), ([0..<1000, 10..<20], 0),
    ] as [([Range<UInt64>], Int64)])
  func anExtentIsSharedIfAnyPartOfItIs(_ ranges: [Range<UInt64>], _ expected: Int64) {
    let extents = SubvolumeExtents(
      [(500, 300), (100, 100), (300, 200), (100, 100)].map { address, length in
        cbtrfs_extent(inode: 257, address: address, length: length)
      })
    #expect(extents.bytes(outside: ranges) == expected)
  }

  private func makeFiles(_ count: Int) throws {
    for number in 0..<count { try subvolume.path.appending("file \(number)").write(128 << 10, seed: UInt64(number)) }
  }

  private func shownByBtrfs() throws -> SubvolumeUsage {
    let shown = try runSuccessfully(["btrfs", "filesystem", "du", "--raw", "-s", subvolume.path.string])
    let line = try #require(shown.split(separator: "\n").last)
    let numbers = line.split(separator: " ").compactMap { Int64($0) }
    try #require(numbers.count >= 2, "\(shown)")
    return SubvolumeUsage(referenced: numbers[0], exclusive: numbers[1])
  }
}
