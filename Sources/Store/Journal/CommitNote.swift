import FoundationEssentials
import Glibc
import SnapshotTree
import SystemPackage

/// The number that the next operation gets, noted beside the database.
///
/// Every change takes such a number. A database whose next number is lower has lost commits: its log was deleted or
/// damaged, or an older copy took its place. ast does not use it, or it would take the subvolumes of forgotten nodes
/// for garbage.
///
/// The note is written after a commit, which is durable by then, and is not synced: it can lag behind the database, but
/// is never ahead of a sound one.
package struct CommitNote {
  private let path: FilePath

  package init(in root: FilePath) { path = root.appending("ast/next-operation") }

  /// The noted number; nil if there is no readable note.
  package var next: OperationID? {
    (try? String(contentsOfFile: path.string, encoding: .utf8)).flatMap { OperationID($0.prefix { $0 != "\n" }) }
  }

  /// Whether the noted number is higher than the database's.
  package static func isAhead(_ noted: OperationID?, of tree: TreeDatabase) throws -> Bool {
    try noted.map { try tree.nextOperation < $0 } ?? false
  }

  /// Notes a number. If that fails, the note lags behind, which is harmless.
  func write(_ next: OperationID) {
    guard self.next != next else { return }
    // Written in place: numbers only grow, so the new text covers the old one.
    let file = try? FileDescriptor.open(
      path, .writeOnly, options: [.create, .closeOnExec], permissions: [.ownerReadWrite, .groupRead, .otherRead])
    _ = try? file?.closeAfter { try file?.writeAll("\(next)\n".utf8) }
  }
}
