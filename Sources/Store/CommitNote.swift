import FoundationEssentials
import Glibc
import SnapshotTree
import SystemPackage

/// How far the tree has come, noted beside the database: the number that the next operation gets.
///
/// Every change takes such a number. A database that stands at a lower one has lost commits: its log was deleted or
/// damaged, or an older copy was put in its place. It would take the subvolumes of what it has forgotten for garbage,
/// so nothing is done with it.
///
/// The note is written after a commit, which is durable then, and not synced: it can lag behind the database, and never
/// be ahead of a sound one.
package struct CommitNote {
  private let path: FilePath

  package init(in root: FilePath) { path = root.appending("ast/next-operation") }

  /// What was noted; nil where nothing readable was.
  package var next: OperationID? {
    (try? String(contentsOfFile: path.string, encoding: .utf8)).flatMap { OperationID($0.prefix { $0 != "\n" }) }
  }

  /// Whether the database stands at a lower number than was noted.
  package static func isAhead(_ noted: OperationID?, of tree: TreeDatabase) throws -> Bool {
    try noted.map { try tree.nextOperation < $0 } ?? false
  }

  /// Notes a number. Where that is not possible the note lags behind, which does no harm.
  func write(_ next: OperationID) {
    guard self.next != next else { return }
    // In place: numbers only grow, so nothing of the old one stays.
    let file = try? FileDescriptor.open(
      path, .writeOnly, options: [.create, .closeOnExec], permissions: [.ownerReadWrite, .groupRead, .otherRead])
    _ = try? file?.closeAfter { try file?.writeAll("\(next)\n".utf8) }
  }
}
