import Btrfs
import Glibc
import Host
import SnapshotTree
import SystemPackage

/// A file that takes a little space while there is enough, and gives it up for a deletion when there is none: entering
/// the deletion in the database takes space before any comes free.
struct SpaceReserve {
  /// Enough for the log, its index and the pages that move from the log into the database.
  private static let size: Int64 = 4 << 20
  /// With less than this left the file system counts as full.
  private static let fullBelow = 2 * size

  /// A commit takes a few hundred kilobytes. With hardly more than that left, btrfs writes out what is in memory to find
  /// room, the index of the database's log with it, and answers the next write to that mapping with SIGBUS.
  private static let commitSize: Int64 = 1 << 20

  private let root: FilePath
  private var path: FilePath { root.appending("ast/reserve") }

  init(in root: FilePath) { self.root = root }

  /// Gives the space up when the file system is full.
  func release() throws {
    guard try FileSystem.space(of: root).available < Self.fullBelow, unlink(path.string) == 0 else { return }
    // btrfs gives out freed space again after the commit of the transaction that freed it.
    try FileSystem.sync(root)
  }

  /// Makes sure that there is room for a commit. Whoever has given the reserve up may try all the same.
  func requireRoom() throws {
    guard access(path.string, F_OK) == 0, try FileSystem.space(of: root).available < Self.commitSize else { return }
    throw TreeError.noSpace(root)
  }

  /// Takes the space again when it was given up and there is enough; otherwise the next change tries.
  func fill() {
    // By its size: a command that died here may have left it empty.
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
  /// Makes room for a command that frees space, where there is none: to be called before the store is opened.
  public static func makeRoom(at root: FilePath) throws {
    try require(.writing, at: root)
    try SpaceReserve(in: root).release()
  }

  /// Tells a full disk from a program that failed for a reason of its own.
  package func isFull() throws -> Bool {
    try FileSystem.space(of: root).available < Self.fullBelow
  }

  /// With fewer bytes than this left the file system counts as full: btrfs refuses writes a little before the last.
  private static let fullBelow: Int64 = 1 << 20
}
