import Btrfs
import FoundationEssentials
import SnapshotTree
import Store
import SystemPackage

extension Store {
  /// `refresh`: fetches the indices of a node's sources, for all nodes with the same sources.
  public func refreshIndices(of id: NodeID, progress: (PackageProgress) -> Void) throws {
    let session = try AptSession(for: id, in: self)
    let root = try subvolume(of: try current(try node(id))).path
    try session.useIndices(of: root, .since(Date()), progress: progress)
  }
}

extension AptSession {
  /// Gives the session the indices of the sources of `root`, and fetches them if `refresh` says so.
  package func useIndices(of root: FilePath, _ refresh: PackageOptions.Refresh, progress: (PackageProgress) -> Void)
    throws
  {
    try cache.whileFetching {
      let indices = try PackageIndices(for: root, in: cache)
      try indices.copy(to: workspace)
      guard refresh.isDue(indices.fetched) else { return }
      progress(.refreshing)
      // An index that cannot be fetched is an error: apt would go on with the old one.
      let command = apt("apt-get") + ["-o", "APT::Update::Error-Mode=any", "update"]
      _ = try output(of: command, in: root, explaining: "the package indices of node \(node) cannot be fetched")
      try indices.replace(from: workspace)
      cache.removeOld()
    }
  }

  /// Keeps the tables that apt has computed from the indices, for the commands that use them next.
  func keepTables(of root: FilePath) throws {
    try cache.whileFetching {
      let indices = try PackageIndices(for: root, in: cache)
      guard indices.fetched != nil else { return }
      try indices.keepTables(of: workspace)
    }
  }
}

extension PackageOptions.Refresh {
  fileprivate func isDue(_ fetched: Date?) -> Bool {
    guard let fetched else { return true }
    return switch self {
    case .since(let moment): fetched < moment
    case .whenOld: Date().timeIntervalSince(fetched) > 24 * 3600
    case .whenMissing: false
    }
  }
}
