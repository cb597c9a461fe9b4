import Btrfs
import DebianFormats
import FoundationEssentials
import Glibc
import Host
import Store
import SystemPackage

/// The files that all nodes' apts share, under `cache/apt` in the store: package files, named for their checksums, and
/// the indices of each set of sources. They may be deleted at any time.
package struct PackageCache {
  /// Its path.
  let path: FilePath
  private let locks: FilePath

  init(in store: Store) throws {
    path = Self.path(in: store.root)
    locks = store.locks
    // A node's programs write below it, set-user-ID programs too: nobody but root may enter.
    try Store.makeDirectory("cache", in: store.root, 0o700)
    try Store.makeDirectory("cache/apt", in: store.root)
    for name in ["packages", "partial", "indices"] { try Store.makeDirectory("cache/apt/\(name)", in: store.root) }
  }

  /// The cache of a store; nil if the store has none yet.
  package init?(presentIn store: Store) {
    path = Self.path(in: store.root)
    locks = store.locks
    guard access(path.string, F_OK) == 0 else { return nil }
  }

  /// The path of the cache in the store at `root`.
  static func path(in root: FilePath) -> FilePath { Store.packageCache(in: root) }

  var packages: FilePath { path.appending("packages") }
  var partial: FilePath { path.appending("partial") }
  var indices: FilePath { path.appending("indices") }

  /// The path of a package file, which may not exist yet.
  func file(of download: PackageDownload) -> FilePath { packages.appending(download.key) }

  /// Whether the cache has a package file.
  func has(_ download: PackageDownload) -> Bool {
    var status = stat()
    return stat(file(of: download).string, &status) == 0 && status.st_size == download.size
  }

  /// Runs `body` while no other command fetches anything: what two commands need is fetched once.
  func whileFetching<Result>(_ body: () throws -> Result) throws -> Result {
    let lock = try Lock.wait(for: Self.lockName, in: locks)
    defer { withExtendedLifetime(lock) {} }
    return try body()
  }

  /// Runs `body` unless another command fetches something; nil if one does.
  package func unlessFetching<Result>(_ body: () throws -> Result) throws -> Result? {
    let lock: Lock?
    do {
      lock = try Lock.take(Self.lockName, in: locks, wait: .never)
    } catch let error as FileError where error.errno == .noSpace {
      // If the lock file cannot be created for lack of space, no other command holds the lock.
      return try body()
    }
    guard let lock else { return nil }
    defer { withExtendedLifetime(lock) {} }
    return try body()
  }

  private static let lockName = "fetch"

  /// Removes package files that no command has used for a month.
  func removeOld() {
    for file in CachedFile.all(in: [packages, partial]) where file.isUnused(for: CachedFile.oldAfter) {
      unlink(file.path.string)
    }
  }
}
