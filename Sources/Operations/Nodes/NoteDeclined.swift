import Btrfs
import DebianFormats
import FoundationEssentials
import Host
import Rootfs
import Sandbox
import SnapshotTree
import Store
import SystemPackage

extension Transaction {
  /// Notes in the clone which packages were removed from it on purpose, if dpkg did anything at all.
  package func noteDeclined() throws {
    let before = try store.subvolume(of: try store.current(node)).path
    guard try hasChangedPackages(since: before) else { return }
    let known = try DeclinedPackages(in: clone.path)
    var declined = known
    declined.note(
      from: try PackageMarks(in: before), to: try PackageMarks(in: clone.path), in: Int(node.id.rawValue))
    guard declined != known else { return }
    try RootDirectory(clone.path).write(Data(declined.text.utf8), to: FilePath(DeclinedPackages.file))
  }

  /// Whether dpkg did anything.
  ///
  /// - Parameter before: the root as it was.
  func hasChangedPackages(since before: FilePath) throws -> Bool {
    guard let status = try PackageDatabase.status(in: clone.path) else { return false }
    return try status != PackageDatabase.status(in: before)
  }
}
