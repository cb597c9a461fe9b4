import Btrfs
import Glibc
import Host
import SnapshotTree
import Store
import SystemPackage

/// The disk space that the content of a node takes, in bytes, after compression.
public struct NodeUsage: Sendable {
  /// The node.
  public let node: Node
  /// All data that it refers to, shared or not.
  public let referenced: Int64
  /// The data that nothing else refers to, not even an older generation of the node.
  public let exclusive: Int64
  /// The data that it shares with the content of its parent; nil at the top of a tree.
  public let sharedWithParent: Int64?
}

/// `du`: the disk space of nodes.
extension Store {
  /// Measures the content of nodes in the order of their numbers, or of all nodes if none is named. Needs no quota
  /// groups; asks the kernel about each file, which takes a second for a Debian.
  ///
  /// - Parameter progress: called with each node before it is measured.
  public func measure(_ ids: [NodeID], progress: (NodeID) -> Void) throws -> [NodeUsage] {
    let nodes = try ids.isEmpty ? tree.nodes() : Set(ids).sorted().map { try node($0) }
    return try nodes.map { node in
      progress(node.id)
      let subvolume = try subvolume(of: try current(node))
      let usage = try subvolume.usage()
      let parent = try node.parent.map { try self.subvolume(of: try current(try self.node($0))) }
      return NodeUsage(
        node: node, referenced: usage.referenced, exclusive: usage.exclusive,
        sharedWithParent: try parent.map { try subvolume.bytes(sharedWith: $0) })
    }
  }
}

/// The disk space of a store, in bytes, after compression: no data is counted twice, and metadata not at all.
public struct StoreUsage: Sendable {
  /// The contents of all nodes.
  public var nodes: Int64 = 0
  /// What only older generations have.
  public var olderGenerations: Int64 = 0
  /// What only deployments have: their /etc, mostly.
  public var deployments: Int64 = 0
  /// The cache of packages and indices, and the lists for `search`; `ast gc --cache` empties it.
  public var cache: Int64 = 0
  /// The database, logs, and the space that is kept in reserve.
  public var rest: Int64 = 0

  /// All of it.
  public var total: Int64 { nodes + olderGenerations + deployments + cache + rest }
}

extension Store {
  /// Measures the whole store. Reads the tree of each subvolume: about two milliseconds for a thousand files.
  public func measureAll() throws -> StoreUsage {
    var usage = StoreUsage()
    var counted = CountedExtents()
    let current = try tree.currentGenerations()
    for generation in current { usage.nodes += try counted.add(subvolume(of: generation)) }
    let known = Set(current.map(\.subvolume))
    for node in try tree.nodes() {
      for generation in try tree.generations(of: node.id) where !known.contains(generation.subvolume) {
        usage.olderGenerations += try counted.add(subvolume(of: generation))
      }
    }
    for deployment in try tree.deployments() {
      usage.deployments += try counted.add(Subvolume(at: root.pushing(deployment.path)))
    }
    let root = RootDirectory(root)
    let files = try filesOfCache(in: root)
    usage.cache = try root.bytes(of: files.cache)
    usage.rest = try root.bytes(of: files.others)
    return usage
  }

  /// The space that `ast gc --cache` frees, in bytes: the packages, the indices, and the lists for `search`.
  public func measureCache() throws -> Int64 {
    let root = RootDirectory(root)
    return try root.bytes(of: filesOfCache(in: root).cache)
  }

  /// The files of the store that are in no subvolume: those of the cache, and the others.
  private func filesOfCache(in root: RootDirectory) throws -> (cache: [FilePath], others: [FilePath]) {
    let (cache, others) = try (root.files(below: "cache"), root.files(below: "ast"))
    let lists = Set(others.filter { file in PublishedDirectory.paths.contains { file.starts(with: $0) } })
    return (cache + lists, others.filter { !lists.contains($0) })
  }

  /// Measures what only these generations and deployments have: what is freed when all of them are deleted, in bytes,
  /// after compression. Reads the tree of each subvolume of the store, as ``measureAll()`` does.
  public func measure(onlyIn generations: [Generation], _ deployments: [Deployment]) throws -> Int64 {
    let (leaving, leavingDeployments) = (Set(generations.map(\.subvolume)), Set(deployments.map(\.id)))
    var counted = CountedExtents()
    for node in try tree.nodes() {
      for generation in try tree.generations(of: node.id) where !leaving.contains(generation.subvolume) {
        _ = try counted.add(subvolume(of: generation))
      }
    }
    for deployment in try tree.deployments() where !leavingDeployments.contains(deployment.id) {
      _ = try counted.add(Subvolume(at: root.pushing(deployment.path)))
    }
    let freed = try generations.reduce(0) { try $0 + counted.add(subvolume(of: $1)) }
    return try deployments.reduce(freed) { try $0 + counted.add(Subvolume(at: root.pushing($1.path))) }
  }
}

extension RootDirectory {
  /// The space that files take, in bytes; one with several names is counted once. What has gone meanwhile takes none.
  fileprivate func bytes(of files: [FilePath]) throws -> Int64 {
    var counted: Set<ino_t> = []
    return try files.reduce(0) { sum, file in
      guard let status = try status(ofName: file) else { return sum }
      guard status.st_nlink == 1 || counted.insert(status.st_ino).inserted else { return sum }
      return sum + Int64(status.st_blocks) * 512
    }
  }
}
