import Btrfs
import Glibc
import Synchronization
import SystemPackage
import TestSupport
import Testing

@Suite(.requiresRoot) struct ShareExtentsTests {
  let directory: FilePath
  let original: FilePath
  let copy: FilePath

  init() throws {
    directory = try LoopBtrfs.shared.newDirectory()
    original = directory.appending("original")
    copy = directory.appending("copy")
  }

  @Test(arguments: [4096, 5000, 1 << 20, 40 << 20, (16 << 20) + 1])
  func equalFilesShareEverything(_ size: Int) throws {
    try original.write(size)
    try copy.write(size)
    let before = try runSuccessfully(["sha256sum", "-b", copy.string])
    try FileSystem.sync(directory)
    let taken = try Subvolume(at: directory).referencedBytes()
    #expect(try shareExtents(of: original, with: copy) == Int64(size))
    try FileSystem.sync(directory)
    #expect(try Subvolume(at: directory).referencedBytes() * 2 == taken)
    #expect(try runSuccessfully(["sha256sum", "-b", copy.string]) == before)
    // Once more is no harm.
    #expect(try shareExtents(of: original, with: copy) == Int64(size))
  }

  @Test func extentsAreSharedBetweenSubvolumes() throws {
    let first = try Subvolume.create(at: directory.appending("1"))
    let second = try Subvolume.create(at: directory.appending("2"))
    try first.path.appending("file").write(1 << 20)
    try second.path.appending("file").write(1 << 20)
    try first.setReadOnly(true)
    #expect(try shareExtents(of: first.path.appending("file"), with: second.path.appending("file")) == 1 << 20)
    try FileSystem.sync(directory)
    let usage = try second.usage()
    #expect(usage.referenced == 1 << 20 && usage.exclusive == 0)
  }

  @Test func piecesThatDifferAreLeftAlone() throws {
    try original.write(40 << 20)
    try copy.write(40 << 20)
    let file = try FileDescriptor.open(copy, .writeOnly)
    try file.closeAfter { _ = try file.writeAll(toAbsoluteOffset: 20 << 20, [0, 1, 2, 3]) }
    let before = try runSuccessfully(["sha256sum", copy.string])
    #expect(try shareExtents(of: original, with: copy) == 24 << 20)
    #expect(try runSuccessfully(["sha256sum", copy.string]) == before)
  }

  @Test func differentFilesShareNothing() throws {
    try original.write(1 << 20, seed: 1)
    try copy.write(1 << 20, seed: 2)
    #expect(try shareExtents(of: original, with: copy) == 0)
  }

  @Test func aLongerFileSharesTheWholeBlocksOfTheShorter() throws {
    try original.write(10_000)
    try copy.write(1 << 20)
    #expect(try shareExtents(of: original, with: copy) == 8192)
    #expect(try shareExtents(of: copy, with: original) == 8192)
  }

  @Test func emptyFilesShareNothing() throws {
    try original.write(0)
    try copy.write(0)
    #expect(try shareExtents(of: original, with: copy) == 0)
    try copy.write(100_000)
    #expect(try shareExtents(of: original, with: copy) == 0)
  }

  @Test func timesStayAsTheyAre() throws {
    try original.write(100_000)
    try copy.write(100_000)
    try runSuccessfully(["touch", "-d", "2001-02-03T04:05:06", copy.string])
    #expect(try shareExtents(of: original, with: copy) == 100_000)
    #expect(try runSuccessfully(["stat", "-c", "%Y", copy.string]) == "981173106\n")
  }

  @Test func aCopyInAReadOnlySubvolumeCanShare() throws {
    let subvolume = try Subvolume.create(at: directory.appending("s"))
    try original.write(100_000)
    try subvolume.path.appending("file").write(100_000)
    try subvolume.setReadOnly(true)
    #expect(try shareExtents(of: original, with: subvolume.path.appending("file")) == 100_000)
    try FileSystem.sync(directory)
    #expect(try subvolume.usage().exclusive == 0)
  }

  /// The kernel does not begin to send a subvolume while it shares extents of it.
  @Test func aSubvolumeWhoseFilesAreSharedCanBeCompared() throws {
    let older = try Subvolume.create(at: directory.appending("older"))
    try older.path.appending("file").write(1 << 16)
    let newer = try older.snapshot(to: directory.appending("newer"), readOnly: false)
    try newer.path.appending("file").write(1 << 16)
    for subvolume in [older, newer] { try subvolume.setReadOnly(true) }
    let wanted = try newer.fileChanges(since: older)
    let sharing = Sharing()
    try startThread {
      while !sharing.isUnwanted.load(ordering: .acquiring) {
        let count = try? shareExtents(of: older.path.appending("file"), with: newer.path.appending("file"))
        if count == nil { usleep(100) }
      }
      sharing.hasEnded.store(true, ordering: .releasing)
    }
    defer {
      sharing.isUnwanted.store(true, ordering: .releasing)
      while !sharing.hasEnded.load(ordering: .acquiring) { usleep(1000) }
    }
    for _ in 1...500 { #expect(try newer.fileChanges(since: older) == wanted) }
  }

  /// The shared state of two threads.
  private final class Sharing: Sendable {
    let isUnwanted = Atomic(false)
    let hasEnded = Atomic(false)
  }

  @Test func aReadOnlyFileSystemIsNotTouched() throws {
    let other = try LoopBtrfs.small()
    defer { other.remove() }
    try other.root.appending("original").write(100_000)
    try other.root.appending("copy").write(100_000)
    try other.remount("ro")
    expectFailure(.readOnly) {
      try shareExtents(of: other.root.appending("original"), with: other.root.appending("copy"))
    }
  }

  @Test func onlyRegularFilesOnOneBtrfsCanShare() throws {
    try original.write(100_000)
    try copy.write(100_000)
    let link = directory.appending("link")
    let fifo = directory.appending("fifo")
    symlink("copy", link.string)
    mkfifo(fifo.string, 0o600)
    let outside = FilePath("/dev/shm/ast-test-share-\(getpid())")
    try outside.write(100_000)
    defer { unlink(outside.string) }

    expectFailure(.notFound) { try shareExtents(of: original, with: directory.appending("missing")) }
    expectFailure(.notFound) { try shareExtents(of: directory.appending("missing"), with: copy) }
    #expect(expectFailure(.other) { try shareExtents(of: original, with: link) }?.errno == .tooManySymbolicLinkLevels)
    #expect(expectFailure(.other) { try shareExtents(of: original, with: outside) }?.errno == .improperLink)
    expectFailure(.other) { try shareExtents(of: original, with: directory) }
    expectFailure(.other) { try shareExtents(of: original, with: fifo) }
    expectFailure(.other) { try shareExtents(of: fifo, with: copy) }
  }
}
