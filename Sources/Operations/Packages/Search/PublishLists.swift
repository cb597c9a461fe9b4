import FoundationEssentials
import Host
import SnapshotTree
import Store
import SystemPackage

extension Store {
  /// Lets users read the lists of a node's sources. For root only.
  ///
  /// - Returns: whether they were ever fetched.
  public func publishPackageLists(of id: NodeID) throws -> Bool {
    let root = try subvolume(of: try current(try node(id))).path
    let cache = try PackageCache(in: self)
    let key = try IndicesKey(of: id, at: root, in: cache)
    return try cache.whileChanging { try publishLists(of: id, key, in: cache) }
  }

  /// Lets users read the lists of a node. The caller holds the cache's lock.
  ///
  /// - Returns: whether there are some.
  func publishLists(of id: NodeID, _ key: IndicesKey, in cache: PackageCache) throws -> Bool {
    let indices = try PackageIndices(for: key, in: cache)
    guard indices.fetched != nil else { return false }
    do {
      try NodeLists.publish(indices, of: id, in: self.root)
      let nodes = Set(try tree.nodes().map(\.id))
      for kind in PublishedDirectory.all(in: self.root) { try kind.removeOthers(than: nodes) }
    } catch {
      warn("`ast search` and `ast show` do not know the newest lists: \(AstError(error).reason)")
    }
    return true
  }
}
