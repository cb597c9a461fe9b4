import Btrfs
import FoundationEssentials
import Glibc
import Host
import SnapshotTree
import SystemPackage

/// The paths in a store. All paths in the database are relative to the store's directory.
extension Store {
  /// What tells a store from all others, as long as it exists: the UUID of the subvolume that its directory is in, and the
  /// directory's number there. A device number would not do: btrfs gives out those of one mount again after the next.
  ///
  /// Nil if there is no such directory on a btrfs.
  package static func identity(of root: FilePath) -> String? {
    guard let resolved = realpath(root.string, nil) else { return nil }
    defer { free(resolved) }
    var status = stat()
    guard stat(resolved, &status) == 0 else { return nil }
    var place = FilePath(platformString: resolved)
    while (try? Subvolume.isSubvolume(at: place)) == false, place.removeLastComponent() {}
    return (try? Subvolume(at: place).info()).map { "\($0.uuid.uuidString.lowercased())-\(status.st_ino)" }
  }

  package static func databasePath(in root: FilePath) -> FilePath { root.appending("ast/tree.sqlite") }
  static func recordDirectory(in root: FilePath) -> FilePath { root.appending("ast/nodes") }

  package var locks: FilePath { root.appending("ast/lock") }
  var records: FilePath { Store.recordDirectory(in: root) }
  package var nodes: FilePath { root.appending("nodes") }
  var links: FilePath { root.appending("rootfs") }

  package func directory(of node: NodeID) -> FilePath { nodes.appending("\(node)") }
  func link(of node: NodeID) -> FilePath { links.appending("snapshot-\(node)") }
  func record(of node: NodeID) -> FilePath { records.appending("\(node).json") }
  package func path(of generation: Generation) -> FilePath { root.pushing(generation.path) }

  package func path(of node: NodeID, _ number: GenerationNumber) -> FilePath {
    directory(of: node).appending("\(number)")
  }

  package func staging(of node: NodeID, _ operation: OperationID) -> FilePath {
    directory(of: node).appending(".\(operation)")
  }

  package func path(of deployment: Deployment) -> FilePath { root.pushing(deployment.path) }
  package func deployStaging(_ operation: OperationID) -> FilePath { root.appending("deploy/.\(operation)") }
  package func etcStaging(_ operation: OperationID) -> FilePath { root.appending("deploy/.\(operation).etc") }

  /// The directory of the logs of operations.
  package static func logs(in root: FilePath) -> FilePath { root.appending("ast/log") }

  /// The log of an operation, which not every operation has.
  package static func log(of operation: OperationID, in root: FilePath) -> FilePath {
    logs(in: root).appending("\(operation).log")
  }

  /// The package cache, which the apts of all nodes share.
  package static func packageCache(in root: FilePath) -> FilePath { root.appending("cache/apt") }
  /// The directory of the packages that were installed live.
  package static func liveSnapshots(in root: FilePath) -> FilePath { root.appending("live") }
}
