import Btrfs
import DebianFormats
import FoundationEssentials
import Glibc
import Host
import SnapshotTree
import Store
import SystemPackage

/// The files that all nodes' apts share, under `cache/apt` in the store: package files, named for their checksums, and
/// the indices of each kind of apt. They may be deleted at any time.
package struct PackageCache {
  /// Its path.
  let path: FilePath
  let store: Store
  private var locks: FilePath { store.locks }

  init(in store: Store) throws {
    path = Self.path(in: store.root)
    self.store = store
    // A node's programs write below it, set-user-ID programs too: nobody but root may enter.
    try Store.makePrivateDirectory("cache", in: store.root)
    try Store.makeDirectory("cache/apt", in: store.root)
    for name in ["packages", "partial", "indices", "programs"] {
      try Store.makeDirectory("cache/apt/\(name)", in: store.root)
    }
    try Store.makePrivateDirectory("cache/apt/claims", in: store.root)
  }

  /// The cache of a store; nil if the store has none yet.
  package init?(presentIn store: Store) {
    path = Self.path(in: store.root)
    self.store = store
    guard access(path.string, F_OK) == 0 else { return nil }
  }

  /// The path of the cache in the store at `root`.
  static func path(in root: FilePath) -> FilePath { Store.packageCache(in: root) }

  var packages: FilePath { path.appending("packages") }
  var partial: FilePath { path.appending("partial") }
  /// The directories of unfinished files. Each node has its own, so that none is in the way of another; an older ast had
  /// one for all.
  var partials: [FilePath] {
    let names = (try? Files.names(in: partial)) ?? []
    return [partial] + names.compactMap { NodeID($0).map { partial.appending("\($0)") } }
  }

  /// The directory of a node's unfinished files.
  func partial(of node: NodeID) throws -> FilePath {
    let directory = partial.appending("\(node)")
    try Files.ensureDirectory(directory, mode: 0o700)
    return directory
  }
  var indices: FilePath { path.appending("indices") }

  /// The directory of what is remembered about the programs of each node's apt.
  var programs: FilePath { path.appending("programs") }

  /// The directory of the locks that say what a command fetches.
  var claims: FilePath { Leftovers.claims(in: path) }

  /// The path of a package file, which may not exist yet.
  func file(of download: PackageDownload) -> FilePath { packages.appending(download.key) }

  /// Whether the cache has a package file.
  func has(_ download: PackageDownload) -> Bool {
    var status = stat()
    return stat(file(of: download).string, &status) == 0 && status.st_size == download.size
  }

  /// Runs `body` while no other command changes the cache: for the moments that copying and renaming takes, and never
  /// while a program runs. (An older ast holds the lock while it fetches.)
  func whileChanging<Result>(_ body: () throws -> Result) throws -> Result {
    let lock = try Lock.take(Self.lockName, in: locks, wait: .seconds(600)) {
      store.warn("waiting for the package cache: \(Store.words($0))")
    }
    guard let lock else {
      throw AstError(
        .busy, "the package cache is locked: \(Store.words(Lock.holder(of: Self.lockName, in: locks)))",
        state: .unchanged)
    }
    defer { withExtendedLifetime(lock) {} }
    try? lock.sign(LockHolder(pid: getpid(), command: store.command, started: Date()))
    return try body()
  }

  /// The same unless another command changes the cache; nil if one does.
  package func unlessChanging<Result>(_ body: () throws -> Result) throws -> Result? {
    let lock: Lock?
    do {
      lock = try Lock.take(Self.lockName, in: locks, wait: .seconds(5))
    } catch let error as FileError where error.errno == .noSpace {
      // If the lock file cannot be created for lack of space, no other command holds the lock.
      return try body()
    }
    guard let lock else { return nil }
    defer { withExtendedLifetime(lock) {} }
    return try body()
  }

  private static let lockName = "fetch"

  /// Removes package files that no command has used for a month, and what was remembered as long ago.
  func removeOld() {
    for file in CachedFile.all(in: [packages] + partials) where file.isUnused(for: CachedFile.oldAfter) {
      unlink(file.path.string)
    }
    for file in CachedFile.all(in: [programs]) where file.isUnused(for: CachedFile.oldAfter) {
      unlink(file.path.string)
    }
  }
}
