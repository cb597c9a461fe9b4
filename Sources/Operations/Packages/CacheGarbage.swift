import FoundationEssentials
import Glibc
import Host
import SnapshotTree
import Store
import SystemPackage

/// Files that can be removed from the package cache.
package struct CacheGarbage {
  /// Package files.
  package let files: [CachedFile]
  /// The directories of indices.
  package let indices: [FilePath]
  /// Whether the lists go that users read.
  package let hasLists: Bool

  package static let none = CacheGarbage(files: [], indices: [])

  init(files: [CachedFile], indices: [FilePath], hasLists: Bool = false) {
    (self.files, self.indices, self.hasLists) = (files, indices, hasLists)
  }

  package var isEmpty: Bool { files.isEmpty && indices.isEmpty && !hasLists }

  /// The space the package files take, in bytes.
  package var bytes: Int64 { files.reduce(0) { $0 + $1.size } }
}

extension PackageCache {
  /// The package files that no command has used for a month, those that no index of a node lists, and the indices that
  /// belong to no node. Files that were used in the last day stay: a command may be working with them.
  package func garbage(in store: Store) throws -> CacheGarbage {
    let (sets, idle) = (sets, idle)
    // If this cannot be found out, everything stays.
    let used = try? sets.filter(isUsed(by: store.tree.currentGenerations(), in: store))
    let listed = used.flatMap { try? PackageLists(in: $0).named(among: Set(idle.compactMap(\.checksum))) }
    return CacheGarbage(
      files: idle.filter { file in
        file.isUnused(for: CachedFile.oldAfter) || listed.map { !$0.contains(file.checksum ?? "") } ?? false
      },
      indices: sets.filter { set in
        used.map { !$0.contains(set) } ?? false && isUnused(set)
      })
  }

  /// All that can be fetched again: package files, indices and lists. While a command works with packages, only the files
  /// that were not used in the last day.
  package var spare: CacheGarbage {
    guard Leftovers.areAllWorkspacesFree(in: path) else { return CacheGarbage(files: idle, indices: []) }
    let hasLists = !PublishedDirectory.all(in: store.root).allSatisfy(\.isEmpty)
    return CacheGarbage(files: files, indices: sets, hasLists: hasLists)
  }

  private var files: [CachedFile] { CachedFile.all(in: [packages] + partials) }
  private var idle: [CachedFile] { files.filter { $0.isUnused(for: CachedFile.inUseFor) } }
  private var sets: [FilePath] { ((try? Files.names(in: indices)) ?? []).sorted().map(indices.appending) }

  /// Removes all that can be fetched again, and lets no command begin to work with packages meanwhile. The caller holds
  /// the cache's lock.
  ///
  /// - Returns: what was removed.
  package func removeSpare() throws -> CacheGarbage {
    do {
      let alone = try Leftovers.lockWorkspaces(in: path)
      defer { withExtendedLifetime(alone) {} }
      return remove(alone == nil ? CacheGarbage(files: idle, indices: []) : spare)
    } catch let error as FileError where error.errno == .noSpace {
      // If the lock file cannot be created for lack of space, no other command holds the lock.
      return remove(spare)
    }
  }

  /// Removes garbage. The caller holds the cache's lock.
  ///
  /// - Returns: what was removed.
  package func remove(_ garbage: CacheGarbage) -> CacheGarbage {
    let gone = garbage.files.filter { file in
      guard unlink(file.path.string) == 0 else { return false }
      failPoint("cached file removed")
      return true
    }
    if garbage.hasLists {
      for kind in PublishedDirectory.all(in: store.root) { try? kind.removeOthers(than: []) }
      failPoint("lists removed")
    }
    return CacheGarbage(files: gone, indices: garbage.indices.filter(remove), hasLists: garbage.hasLists)
  }

  /// Removes a set of indices as a whole: another command could take the rest of it for complete.
  private func remove(indices set: FilePath) -> Bool {
    let new = indices.appending("new")
    try? FileManager.default.removeItem(atPath: new.string)
    guard rename(set.string, new.string) == 0 else { return set == new }
    failPoint("indices taken away")
    try? FileManager.default.removeItem(atPath: new.string)
    return true
  }

  private func isUnused(_ set: FilePath) -> Bool {
    var status = stat()
    return stat(set.string, &status) == 0 && status.st_mtim.tv_sec < time(nil) - CachedFile.inUseFor
  }

  /// Whether a set of indices belongs to the apt of a node with one of these generations.
  private func isUsed(by generations: [Generation], in store: Store) throws -> (FilePath) -> Bool {
    let keys = try generations.map { try IndicesKey(of: $0.node, at: store.path(of: $0), in: self) }
    return { set in keys.contains { PackageIndices.key(of: set, is: $0) } }
  }
}
