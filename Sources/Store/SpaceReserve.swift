import Btrfs
import Glibc
import Host
import SnapshotTree
import SystemPackage

/// A file that reserves a little space, and is removed on a full disk for the sake of a deletion: entering the deletion
/// in the database takes space before any is freed.
package struct SpaceReserve {
  /// Enough for the log, its index and the pages that move from the log into the database.
  private static let size: Int64 = 4 << 20
  /// A file system with less than this left counts as full.
  private static let fullBelow = 2 * size

  /// A commit takes a few hundred kilobytes. With little more than that left, btrfs writes out cached data to find
  /// room, the index of the database's log among them, and answers the next write to that mapping with SIGBUS.
  private static let commitSize: Int64 = 1 << 20

  private let root: FilePath
  private var path: FilePath { root.appending("ast/reserve") }

  init(in root: FilePath) { self.root = root }

  /// Frees the reserved space if the file system is full.
  func release() throws {
    guard try FileSystem.space(of: root).available < Self.fullBelow, unlink(path.string) == 0 else { return }
    // btrfs reuses freed space only after the commit of the transaction that freed it.
    try FileSystem.sync(root)
  }

  /// Frees the reserved space of the store at `root`.
  ///
  /// - Returns: whether there was any.
  package static func giveUp(in root: FilePath) -> Bool {
    guard unlink(SpaceReserve(in: root).path.string) == 0 else { return false }
    return (try? FileSystem.sync(root)) != nil
  }

  /// Ensures that there is room for a commit. A command that has freed the reserve may try anyway.
  func requireRoom() throws {
    guard access(path.string, F_OK) == 0, try FileSystem.space(of: root).available < Self.commitSize else { return }
    throw TreeError.noSpace(root)
  }

  /// Reserves the space again if it was freed and there is enough; otherwise the next change tries.
  func fill() {
    // The size counts: a command that was killed here may have left the file empty.
    var status = stat()
    guard stat(path.string, &status) != 0 || status.st_size < Self.size, let space = try? FileSystem.space(of: root),
      space.available > 2 * Self.fullBelow,
      let file = try? FileDescriptor.open(
        path, .writeOnly, options: [.create, .closeOnExec], permissions: [.ownerReadWrite])
    else { return }
    failPoint("reserve made")
    let result = posix_fallocate(file.rawValue, 0, off_t(Self.size))
    try? file.close()
    if result != 0 { unlink(path.string) }
  }
}

extension Store {
  /// Makes room on a full disk for a command that frees space. Call it before the store is opened.
  public static func makeRoom(at root: FilePath) throws {
    try require(.writing, at: root)
    try SpaceReserve(in: root).release()
  }

  /// Whether the file system is full. Distinguishes that from a program that failed for another reason.
  package func isFull() throws -> Bool {
    try FileSystem.space(of: root).available < Self.fullBelow
  }

  /// A file system with fewer bytes than this left counts as full: btrfs refuses writes a little before the last byte.
  private static let fullBelow: Int64 = 1 << 20
}
