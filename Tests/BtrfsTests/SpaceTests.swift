@testable import Btrfs
import CBtrfs
import SystemPackage
import TestSupport
import Testing

@Suite struct SpaceTests {
  @Test(.requiresRoot, arguments: [[], ["-m", "single"], ["--mixed"]])
  func spaceIsWhatTheToolShows(_ options: [String]) throws {
    let fileSystem = try LoopBtrfs.small(size: 512 << 20, mkfsOptions: options)
    defer { fileSystem.remove() }
    try fileSystem.root.appending("file").write(20 << 20)
    try FileSystem.sync(fileSystem.root)
    let shown = try runSuccessfully(["btrfs", "filesystem", "usage", "-b", fileSystem.root.string])
    func number(_ label: String) throws -> Int64 {
      let line = try #require(shown.split(separator: "\n").first { $0.contains(label) }, "\(shown)")
      return try #require(line.drop { $0 != ":" }.split { !$0.isNumber }.first.flatMap { Int64($0) })
    }
    let space = try FileSystem.space(of: fileSystem.root)
    #expect(space.size == (try number("Device size:")))
    #expect(space.allocated == (try number("Device allocated:")))
    #expect(space.unallocated == (try number("Device unallocated:")))
    #expect(space.used == (try number("Used:")))
    #expect(space.available == (try number("Free (statfs, df):")))
    #expect(space.used >= 20 << 20)
  }

  @Test(.requiresRoot) func spaceIsOnlyKnownOnBtrfs() throws {
    expectFailure(.notBtrfs) { try FileSystem.space(of: "/dev/shm") }
    expectFailure(.notFound) { try FileSystem.space(of: "/dev/shm/ast-test-missing") }
  }

  @Test(
    arguments: [
      (0, 1), (1 << 3, 1),  // single, RAID 0
      (1 << 4, 2), (1 << 5, 2), (1 << 6, 2),  // RAID 1, DUP, RAID 10
      (1 << 9, 3), (1 << 10, 4),  // RAID 1 with 3 and 4 copies
    ] as [(UInt64, Int64)])
  func everyCopyCounts(_ profile: UInt64, _ copies: Int64) {
    let space = Space(
      devices: [cbtrfs_device(size: 1000, allocated: 400), cbtrfs_device(size: 500, allocated: 100)],
      groups: [
        cbtrfs_block_groups(flags: 1 | profile, total: 80, used: 50),
        cbtrfs_block_groups(flags: 4, total: 20, used: 10),
        cbtrfs_block_groups(flags: 4 | 1 << 49, total: 16, used: 8),
      ],
      available: 77)
    #expect(space == Space(size: 1500, allocated: 500, used: 50 * copies + 10, available: 77))
    #expect(space.unallocated == 1000)
  }

  @Test(arguments: [1 << 7, 1 << 8] as [UInt64])
  func parityCountsByWhatItTakes(_ profile: UInt64) {
    // 200 bytes with parity take 300: all that is allocated but for two copies of 50.
    let space = Space(
      devices: [cbtrfs_device(size: 1000, allocated: 400)],
      groups: [
        cbtrfs_block_groups(flags: 1 | profile, total: 200, used: 100),
        cbtrfs_block_groups(flags: 4 | 1 << 4, total: 50, used: 20),
      ],
      available: 0)
    #expect(space.used == 150 + 40)
  }
}
