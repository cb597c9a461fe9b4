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
  /// Gives the session the indices of the sources of `root`, and fetches them if `refresh` says so. What is missing in
  /// them is in ``missing``: a source that cannot be fetched breaks only what depends on it.
  ///
  /// Nodes with the same key fetch them once: the second command waits for the first, but not for long, because a
  /// mirror can be slow, and a node's apt need not end. Meanwhile no lock is held that other nodes need. A node whose
  /// apt is another one gets the same files, but its own apt verifies them.
  ///
  /// - Throws: `AstError` if no source can be fetched, and the indices are not only wanted in case they are old.
  package func useIndices(of root: FilePath, _ refresh: PackageOptions.Refresh, progress: (PackageProgress) -> Void)
    throws
  {
    try obtainIndices(of: root, refresh, progress: progress)
    let key = try indicesKey(of: root)
    // The next command of root does it otherwise.
    _ = try cache.unlessChanging { try store.publishLists(of: node, key, in: cache) }
  }

  private func obtainIndices(
    of root: FilePath, _ refresh: PackageOptions.Refresh, progress: (PackageProgress) -> Void
  ) throws {
    let key = try indicesKey(of: root)
    let status = try RootDirectory(root).contents(of: PackageState.dpkgStatus) ?? Data()
    if try takeIndices(key, refresh, status) { return try readLocalSources(key, in: root) }
    let lock = try store.lockBriefly(
      key.lockName, in: cache.claims, Self.patience, "the package indices that another command fetches")
    defer { lock?.removeFile() }
    if lock != nil, try takeIndices(key, refresh, status) { return try readLocalSources(key, in: root) }
    if try verifyIndicesOfOthers(key, in: root, refresh), try takeIndices(key, refresh, status) { return }
    progress(.refreshing)
    let failures: [AptUpdate.Failure]
    do {
      failures = try fetchIndices(of: root)
    } catch let error as AstError where error.code == .failed && refresh == .whenOld {
      // What is there may be enough.
      try startAnew()
      _ = try takeIndices(key, .never, status)
      try readLocalSources(key, in: root)
      missing = .all(error)
      return
    }
    missing = failures.isEmpty ? nil : .sources(failures)
    for failure in failures {
      store.warn("node \(node): the source \(failure.source) cannot be fetched: \(failure.reason)")
    }
    try cache.whileChanging {
      try PackageIndices(for: key, in: cache).replace(from: workspace, failures: failures)
      cache.removeOld()
    }
  }

  /// Has apt fetch the indices.
  ///
  /// - Parameter options: more options of apt (apt.conf(5)).
  /// - Returns: the sources that could not be fetched; apt has kept what it had of them.
  /// - Throws: `AstError` if that is every source.
  func fetchIndices(of root: FilePath, options: [String] = []) throws -> [AptUpdate.Failure] {
    // An index that cannot be fetched is an error: apt would go on with the old one, and not say so.
    let options = ["APT::Update::Error-Mode=any"] + options
    let command = apt("apt-get") + ["-q=1"] + options.flatMap { ["-o", $0] } + ["update"]
    var failures: [AptUpdate.Failure] = []
    try fetching { network in
      let run = try collect(command, in: root, network: network)
      guard run.end != .exited(0) else { return }
      let update = AptUpdate(run.output, said: run.said)
      guard update.isPartial else {
        throw try failure(
          "the package indices of node \(node) cannot be fetched: \(AptMessages.sentence(run.said))")
      }
      failures = update.failures
    }
    return failures
  }

  /// Reads the sources on the node's own disk anew: they can change with each generation, and cost no network. All others
  /// stay as they are.
  private func readLocalSources(_ key: IndicesKey, in root: FilePath) throws {
    guard key.hasLocalSources else { return }
    let run = try collect(try updateOffline(), in: root)
    guard run.end != .exited(0) else { return }
    let failures = AptUpdate(run.output, said: run.said).failures.filter(\.isLocal)
    guard !failures.isEmpty else { return }
    switch missing {
    case .never, .all: break
    case .sources(let others): missing = .sources(others.filter { !$0.isLocal } + failures)
    case nil: missing = .sources(failures)
    }
  }

  /// Copies the indices into the workspace; false if they are missing or too old.
  private func takeIndices(_ key: IndicesKey, _ refresh: PackageOptions.Refresh, _ status: Data) throws -> Bool {
    try cache.whileChanging {
      let indices = try PackageIndices(for: key, in: cache)
      try workspace.empty()
      try indices.copy(to: workspace, with: status)
      let failures = indices.failures
      missing = indices.fetched == nil ? .never : failures.isEmpty ? nil : .sources(failures)
      return !refresh.isDue(indices.fetched)
    }
  }

  /// Whether there are indices for `root` that are not old.
  func hasFreshIndices(of root: FilePath) throws -> Bool {
    let key = try indicesKey(of: root)
    return try cache.whileChanging {
      !PackageOptions.Refresh.whenOld.isDue(try PackageIndices(for: key, in: cache).fetched)
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
    switch self {
    case .since(let moment): fetched.map { $0 < moment } ?? true
    case .whenOld: fetched.map { Date().timeIntervalSince($0) > 24 * 3600 } ?? true
    case .never: false
    }
  }
}
