import Btrfs
import Glibc
import Host
import Nodes
import Packages
import Settings
import SnapshotTree
import Store
import SystemPackage

/// The result of `gc`.
public struct CollectedGarbage: Sendable {
  /// The operations of killed commands that were cleaned up.
  public internal(set) var cleared: [Operation] = []
  /// The deleted deployments.
  public internal(set) var deployments: [Deployment] = []
  /// The deleted generations.
  public internal(set) var generations: [Generation] = []
  /// How many package files were deleted.
  public internal(set) var packageFiles = 0
  /// The space that they took.
  public internal(set) var packageBytes: Int64 = 0
  /// How many sets of package indices were deleted.
  public internal(set) var indices = 0
  /// Whether the lists were deleted that `search` reads.
  public internal(set) var hasDeletedLists = false
  /// The items that were skipped because a command works on them; the next run deletes them.
  public internal(set) var busy: [AstError] = []
  /// The failures.
  public internal(set) var failures: [AstError] = []
  /// Condemned subvolumes that cannot be deleted.
  public internal(set) var undeleted: [FilePath] = []
  /// The free space now; nil if no minimum was asked for.
  public internal(set) var free: Int64?
  /// Whether less space is free than was asked for.
  public internal(set) var isShort = false
  /// The signal that ended it early.
  public internal(set) var interruption: Int32?

  /// A result in which nothing was done.
  public init() {}

  /// The exit status of the command line.
  public var exitStatus: Int32 {
    if let interruption { return 128 + interruption }
    if isShort || failures.contains(where: { $0.code == .noSpace }) { return AstError.Code.noSpace.exitStatus }
    return failures.isEmpty && undeleted.isEmpty ? 0 : AstError.Code.partial.exitStatus
  }
}

/// `gc`: deletes what is no longer needed.
extension Store {
  /// Deletes the garbage that was found, if it still is garbage. If something cannot be deleted, the rest is.
  ///
  /// The steps that need the least space come first, so that a full disk has room for the rest: files of the cache need
  /// no row; old generations are not in the boot menu, deployments are.
  public func collect(_ garbage: Garbage, progress: @escaping (String) -> Void) throws -> CollectedGarbage {
    var collection = GarbageCollection(store: self, garbage: garbage, progress: progress)
    collection.clearCache()
    collection.clearLeftovers()
    collection.retireGenerations()
    collection.retireDeployments()
    collection.makeRoom()
    return try collection.finish()
  }
}

/// A `gc` at work.
private struct GarbageCollection {
  let store: Store
  let garbage: Garbage
  let progress: (String) -> Void
  private var result = CollectedGarbage()

  init(store: Store, garbage: Garbage, progress: @escaping (String) -> Void) {
    self.store = store
    self.garbage = garbage
    self.progress = progress
  }

  /// Deletes files of the package cache: nothing refers to them.
  mutating func clearCache() {
    guard !garbage.cache.isEmpty else { return }
    progress("clearing the package cache")
    attempt { collection in
      let (store, isEmptied) = (collection.store, collection.garbage.isCacheEmptied)
      try collection.clear { try isEmptied ? $0.removeSpare() : $0.remove($0.garbage(in: store)) }
    }
  }

  /// Cleans up after killed commands.
  mutating func clearLeftovers() {
    attempt { collection in collection.result.cleared = try collection.store.clearLeftovers() }
  }

  /// Deletes the generations that no deployment needs.
  mutating func retireGenerations() {
    guard !garbage.generations.isEmpty else { return }
    progress("deleting old generations")
    let generations = Dictionary(grouping: garbage.generations, by: \.node)
    retire(generations.map { Old(node: $0, deployments: [], generations: $1) })
  }

  /// Deletes deployments, and the generations that only they needed.
  mutating func retireDeployments() {
    guard !garbage.deployments.isEmpty else { return }
    progress("deleting old deployments")
    let deployments = Dictionary(grouping: garbage.deployments, by: \.node)
    let generations = Dictionary(grouping: garbage.generations, by: \.node)
    retire(deployments.map { Old(node: $0, deployments: $1, generations: generations[$0] ?? []) })
  }

  /// Deletes what is old of many nodes, of some of them with each change. What is left then is done node by node: one
  /// that is in use lets no other wait, and each failure is that of its node.
  private mutating func retire(_ old: [Old]) {
    OpenFileLimit.raise(for: Self.nodesOfOneChange)
    let old = old.sorted { $0.node < $1.node }
    var left: [Old] = []
    for start in stride(from: 0, to: old.count, by: Self.nodesOfOneChange) {
      left += retireTogether(Array(old[start..<min(start + Self.nodesOfOneChange, old.count)]))
    }
    for old in left { attempt { try $0.retire(old, by: $0.garbage.retention) } }
  }

  /// Goes on until enough space is free: with the cache, then with one generation after the other.
  mutating func makeRoom() {
    guard let wanted = garbage.minimumFree else { return }
    result.isShort = true
    attempt { collection in
      if try collection.hasFree(wanted) { return }
      collection.attempt { try $0.clear { try $0.removeSpare() } }
      for generation in collection.garbage.spare where collection.result.interruption == nil {
        if try collection.hasFree(wanted) { return }
        collection.progress("deleting generation \(generation.number) of node \(generation.node)")
        let old = Old(node: generation.node, deployments: [], generations: [generation])
        collection.attempt { try $0.retire(old, by: .nothing) }
      }
      _ = try collection.hasFree(wanted)
    }
  }

  /// The result, with the subvolumes that are still there.
  func finish() throws -> CollectedGarbage {
    var result = result
    result.undeleted = try store.undeleted()
    // Another command may be deleting at this moment what it has just condemned.
    for _ in 0..<Self.stepsForOthers where !result.undeleted.isEmpty {
      usleep(50_000)
      result.undeleted = try store.undeleted()
    }
    return result
  }

  /// Steps of 50 ms: two seconds.
  private static let stepsForOthers = 40

  /// Does a step. If it fails, the failure is noted and the other steps go on.
  private mutating func attempt(_ step: (inout GarbageCollection) throws -> Void) {
    if result.interruption == nil { result.interruption = Interruption.pending }
    guard result.interruption == nil else { return }
    do {
      try step(&self)
    } catch {
      let error = AstError(error)
      switch error.code {
      case .busy: result.busy.append(error)
      // The node was deleted meanwhile, and its generations with it.
      case .notFound: break
      default: result.failures.append(error)
      }
    }
  }

  private mutating func clear(_ remove: (PackageCache) throws -> CacheGarbage) throws {
    guard let cache = PackageCache(presentIn: store) else { return }
    guard let gone = try cache.unlessChanging({ try remove(cache) }) else {
      throw AstError(.busy, "another command is downloading packages; the package cache was left alone")
    }
    result.packageFiles += gone.files.count
    result.packageBytes += gone.bytes
    result.indices += gone.indices.count
    result.hasDeletedLists = result.hasDeletedLists || gone.hasLists
  }

  /// What can be deleted of a node.
  private struct Old {
    let node: NodeID
    let deployments: [Deployment]
    let generations: [Generation]
  }

  /// So many locks are held at the same time, and so many nodes cost the flushes of one.
  private static let nodesOfOneChange = 64

  /// Retires the nodes that are not in use, as one change.
  ///
  /// - Returns: the others, or all of them if the change failed.
  private mutating func retireTogether(_ some: [Old]) -> [Old] {
    guard Interruption.pending == nil else { return some }
    var locks: [Lock?] = []
    defer { withExtendedLifetime(locks) {} }
    var (free, left): ([Old], [Old]) = ([], [])
    for old in some {
      do {
        locks.append(try store.lockUnlessFull(old.node, .never))
        free.append(old)
      } catch {
        left.append(old)
      }
    }
    do {
      try delete(free, by: garbage.retention)
      return left
    } catch {
      return some
    }
  }

  /// Deletes rows of one node and then the subvolumes, if they are still not needed.
  private mutating func retire(_ old: Old, by retention: Retention) throws {
    let lock = try store.lockUnlessFull(old.node, store.wait)
    defer { withExtendedLifetime(lock) {} }
    try delete([old], by: retention)
  }

  /// Deletes what is still not needed, as one change, of nodes whose locks are held. A node that was deleted meanwhile
  /// has nothing any more.
  private mutating func delete(_ old: [Old], by retention: Retention) throws {
    guard !old.isEmpty else { return }
    let store = store
    let gone = try store.change(holding: old.map(\.node)) {
      let retirable = Set(try store.retirableDeployments().map(\.id))
      return try old.filter { try store.tree.node($0.node) != nil }.map { old in
        let deployments = old.deployments.filter { retirable.contains($0.id) }
        for deployment in deployments { try store.tree.delete(deployment.id) }
        let outdated = Set(try store.retirable(old.node, by: retention).map(\.number))
        let generations = old.generations.filter { outdated.contains($0.number) }
        if !deployments.isEmpty || !generations.isEmpty {
          try store.tree.deleteGenerations(generations.map { (old.node, $0.number) })
          _ = try store.recordOperation("gc", on: old.node)
        }
        return (deployments, generations)
      }
    }
    result.deployments += gone.flatMap(\.0)
    result.generations += gone.flatMap(\.1)
  }

  /// Whether so much space is free, after all deleted subvolumes have given back theirs.
  private mutating func hasFree(_ wanted: Int64) throws -> Bool {
    try waitForSpace()
    let free = try FileSystem.space(of: store.root).available
    result.free = free
    result.isShort = free < wanted
    return !result.isShort
  }

  /// - Throws: `AstError` if the space does not come back: deleting more would not help either.
  private mutating func waitForSpace() throws {
    try FileSystem.sync(store.root)
    for _ in 0..<Self.patience {
      if try FileSystem.waitForDeletions(on: store.root, atMost: .seconds(1)) { return }
      result.interruption = Interruption.pending
      if result.interruption != nil { return }
    }
    throw AstError(
      .noSpace,
      "the space of deleted subvolumes was not freed within \(Self.patience / 60) minutes: they are still in use",
      hint: "`btrfs subvolume list -d \(store.root)` lists them")
  }

  /// How many seconds the kernel gets to free the space of deleted subvolumes.
  private static let patience = 600

  private func byNode(_ generations: [Generation]) -> [(NodeID, [Generation])] {
    Dictionary(grouping: generations, by: \.node).sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }
}
