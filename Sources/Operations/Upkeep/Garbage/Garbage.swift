import Btrfs
import FoundationEssentials
import Host
import Packages
import Settings
import SnapshotTree
import Store
import SystemPackage

/// The options of `gc`.
public struct GarbageOptions: Sendable {
  /// How many generations of each node to keep.
  public var generations: Int
  /// Generations older than so many seconds are deleted, whatever their number.
  public var age: TimeInterval?
  /// Whether nothing is deleted by number or age of a node whose last change is a restoration: `restore` has kept the
  /// generation that the files are of, until the next change.
  public var keepsRestored = true
  /// Whether the package cache is emptied.
  public var emptiesCache = false
  /// So many bytes must be free: until they are, more is deleted than retention asks for.
  public var minimumFree: Int64?

  /// The options that the administrator has set.
  public init(_ settings: KeepSettings) {
    generations = settings.generations
    age = settings.days == 0 ? nil : TimeInterval(settings.days) * 24 * 3600
    minimumFree = settings.minimumFree == 0 ? nil : settings.minimumFree
  }
}

/// The data that can be deleted, as they were found.
public struct Garbage: Sendable {
  /// Deployments beyond the number that is kept.
  public let deployments: [Deployment]
  /// Generations that retention does not keep, including those that only such deployments need.
  public let generations: [Generation]
  /// How many package files.
  public var packageFiles: Int { cache.files.count }
  /// The space that they take.
  public var packageBytes: Int64 { cache.bytes }
  /// How many sets of package indices.
  public var indices: Int { cache.indices.count }
  /// Whether the lists are deleted that `search` reads.
  public var hasLists: Bool { cache.hasLists }
  /// Condemned subvolumes that still exist.
  public let undeleted: [FilePath]
  /// Operations whose commands were killed.
  public let dead: [Operation]
  /// The free space now.
  public let free: Int64
  /// The space that must be free; nil if no minimum was asked for.
  public let minimumFree: Int64?
  /// Generations that would be deleted, if the last change of their node were not a restoration.
  public let sparedForRestoration: [Generation]
  /// The other generations that are not needed, the oldest first: they are deleted one by one until enough is free.
  public let spare: [Generation]

  let cache: CacheGarbage
  let isCacheEmptied: Bool
  let retention: Retention

  /// Whether there is nothing to ask the user about.
  public var isEmpty: Bool { deployments.isEmpty && generations.isEmpty && cache.isEmpty && !isShort }
  /// Whether less space is free than the limit asks for.
  public var isShort: Bool { minimumFree.map { free < $0 } ?? false }
}

extension Store {
  /// Looks for what can be deleted, and changes nothing.
  ///
  /// - Throws: `AstError` (usage) if the file system is smaller than the space that must be free.
  public func garbage(_ options: GarbageOptions) throws -> Garbage {
    let space = try FileSystem.space(of: root)
    guard options.minimumFree ?? 0 < space.size else {
      throw AstError(
        .usage,
        "the file system of \(root) has only \(space.size) bytes in all, so more cannot be free",
        state: .unchanged
      )
    }
    return try tree.read { _ in try find(options, free: space.available) }
  }

  private func find(_ options: GarbageOptions, free: Int64) throws -> Garbage {
    let retention = Retention(
      count: options.generations, since: options.age.map { Date() - $0 }, keepingRestored: options.keepsRestored)
    let deployments = try retirableDeployments()
    let leaving = Set(deployments.map(\.id))
    let nodes = try tree.nodes().map(\.id)
    let old = try nodes.map { try retirable($0, by: retention.deletingRestored, without: leaving) }
    let restored = try Set(options.keepsRestored ? old.compactMap(\.first?.node).filter(isRestored) : [])
    let (outdated, spared) = (
      old.joined().filter { !restored.contains($0.node) }, old.joined().filter { restored.contains($0.node) }
    )
    let unneeded = try options.minimumFree.map { _ in
      try nodes.flatMap { try retirable($0, by: .nothing, without: leaving) }
    }
    let cache = PackageCache(presentIn: self)
    return Garbage(
      deployments: deployments, generations: outdated, undeleted: try undeleted(), dead: try dead(), free: free,
      minimumFree: options.minimumFree,
      sparedForRestoration: spared,
      spare: Set(unneeded ?? []).subtracting(outdated).sorted {
        ($0.created, $0.node, $0.number) < ($1.created, $1.node, $1.number)
      },
      cache: try (options.emptiesCache ? cache?.spare : cache?.garbage(in: self)) ?? .none,
      isCacheEmptied: options.emptiesCache, retention: retention)
  }

  /// The operations that are entered as running and whose commands were killed.
  private func dead() throws -> [Operation] {
    try tree.running().filter { operation in try operation.node.map(isFree) ?? false }
  }
}
