import Btrfs
import DebianFormats
import FoundationEssentials
import Host
import Rootfs
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
  ///
  /// Nodes with the same key fetch them once: the second command waits for the first, but not for long, because a
  /// mirror can be slow, and a node's apt need not end. Meanwhile no lock is held that other nodes need. A node whose
  /// apt is another one gets the same files, but its own apt verifies them.
  package func useIndices(of root: FilePath, _ refresh: PackageOptions.Refresh, progress: (PackageProgress) -> Void)
    throws
  {
    let key = try indicesKey(of: root)
    let status = try RootDirectory(root).contents(of: PackageState.dpkgStatus) ?? Data()
    if try takeIndices(key, refresh, status) { return }
    let lock = try store.lockBriefly(
      key.lockName, in: cache.claims, Self.patience, "the package indices that another command fetches")
    defer { lock?.removeFile() }
    if lock != nil, try takeIndices(key, refresh, status) { return }
    if try verifyIndicesOfOthers(key, in: root, refresh), try takeIndices(key, refresh, status) { return }
    progress(.refreshing)
    // An index that cannot be fetched is an error: apt would go on with the old one.
    let command = apt("apt-get") + ["-o", "APT::Update::Error-Mode=any", "update"]
    try fetching { network in
      _ = try output(
        of: command, in: root, network: network,
        explaining: "the package indices of node \(node) cannot be fetched")
    }
    try cache.whileChanging {
      try PackageIndices(for: key, in: cache).replace(from: workspace)
      cache.removeOld()
    }
  }

  /// Copies the indices into the workspace; false if they are missing or too old.
  private func takeIndices(_ key: IndicesKey, _ refresh: PackageOptions.Refresh, _ status: Data) throws -> Bool {
    try cache.whileChanging {
      let indices = try PackageIndices(for: key, in: cache)
      try workspace.empty()
      try indices.copy(to: workspace, with: status)
      return !refresh.isDue(indices.fetched)
    }
  }

  /// How long a command waits for one that fetches the same.
  static var patience: Duration { .seconds(60) }

  /// Keeps the tables that apt has computed from the indices, for the commands that use them next.
  func keepTables(of root: FilePath) throws {
    let key = try indicesKey(of: root)
    let status = try RootDirectory(root).contents(of: PackageState.dpkgStatus) ?? Data()
    try cache.whileChanging {
      let indices = try PackageIndices(for: key, in: cache)
      guard indices.fetched != nil else { return }
      try indices.keepTables(of: workspace, with: status)
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
