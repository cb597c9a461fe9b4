import Btrfs
import FoundationEssentials
import Host
import Packages
import Settings
import SnapshotTree
import Store
import SystemPackage

/// What `gc` is to keep.
public struct GarbageOptions: Sendable {
  /// How many generations of each node; nil: as many as retention keeps anyway.
  public var generations: Int?
  /// Generations that are older than so many seconds go, whatever their number.
  public var age: TimeInterval?
  /// So many bytes are to be free: more goes than retention asks for, until they are.
  public var minimumFree: Int64?

  /// What the administrator has set.
  public init(_ settings: KeepSettings) {
    generations = settings.generations
    age = settings.days == 0 ? nil : TimeInterval(settings.days) * 24 * 3600
    minimumFree = settings.minimumFree == 0 ? nil : settings.minimumFree
  }
}

/// What can be deleted without anybody missing it, as it was found.
public struct Garbage: Sendable {
  /// Deployments beyond the number that is kept.
  public let deployments: [Deployment]
  /// Generations that retention does not keep, also those that only such deployments need.
  public let generations: [Generation]
  /// How many package files.
  public var packageFiles: Int { cache.files.count }
  /// The space they take.
  public var packageBytes: Int64 { cache.bytes }
  /// How many sets of package indices.
  public var indices: Int { cache.indices.count }
  /// Subvolumes whose deletion is not done yet.
  public let undeleted: [FilePath]
  /// Operations whose commands are gone.
  public let dead: [Operation]
  /// What is free now.
  public let free: Int64
  /// What is to be free; nil: nothing was said of it.
  public let minimumFree: Int64?
  /// The other generations that nobody needs, the oldest first: they go one by one until enough is free.
  public let spare: [Generation]

  let cache: CacheGarbage
  let retention: Retention

  /// Whether there is nothing that a user would want to be asked about.
  public var isEmpty: Bool { deployments.isEmpty && generations.isEmpty && cache.isEmpty && !isShort }
  /// Whether less is free than there is to be.
  public var isShort: Bool { minimumFree.map { free < $0 } ?? false }
}

extension Store {
  /// Looks for what can be deleted, and changes nothing.
  ///
  /// - Throws: `AstError` (usage) where more is to be free than there is space on the file system.
  public func garbage(_ options: GarbageOptions) throws -> Garbage {
    let space = try FileSystem.space(of: root)
    guard options.minimumFree ?? 0 < space.size else {
      throw AstError(
        .usage,
        "the file system of \(root) has \(space.size) bytes in all, and more cannot be free",
        state: .unchanged
      )
    }
    return try tree.read { _ in try find(options, free: space.available) }
  }

  private func find(_ options: GarbageOptions, free: Int64) throws -> Garbage {
    let retention = Retention(
      count: try options.generations ?? tree.keepGenerations, since: options.age.map { Date() - $0 })
    let deployments = try retirableDeployments()
    let leaving = Set(deployments.map(\.id))
    let nodes = try tree.nodes().map(\.id)
    let outdated = try nodes.flatMap { try retirable($0, by: retention, without: leaving) }
    let unneeded = try options.minimumFree.map { _ in
      try nodes.flatMap { try retirable($0, by: .nothing, without: leaving) }
    }
    return Garbage(
      deployments: deployments, generations: outdated, undeleted: try undeleted(), dead: try dead(), free: free,
      minimumFree: options.minimumFree,
      spare: Set(unneeded ?? []).subtracting(outdated).sorted {
        ($0.created, $0.node, $0.number) < ($1.created, $1.node, $1.number)
      },
      cache: try PackageCache(presentIn: self)?.garbage(in: self) ?? .none, retention: retention)
  }

  /// The operations that are entered as running and whose commands are gone.
  private func dead() throws -> [Operation] {
    try tree.running().filter { operation in try operation.node.map(isFree) ?? false }
  }
}
