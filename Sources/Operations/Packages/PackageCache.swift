import Btrfs
import DebianFormats
import FoundationEssentials
import Glibc
import Host
import Store
import SystemPackage

/// What the nodes' apts share, under `cache/apt` in the store: package files by their checksums, and the indices of
/// each set of sources. May be deleted at any time.
package struct PackageCache {
  /// Where it is.
  let path: FilePath
  private let locks: FilePath

  init(in store: Store) throws {
    path = Self.path(in: store.root)
    locks = store.locks
    try Store.makeDirectory("cache", in: store.root)
    try Store.makeDirectory("cache/apt", in: store.root)
    for name in ["packages", "partial", "indices"] { try Store.makeDirectory("cache/apt/\(name)", in: store.root) }
  }

  /// The one of a store that has one already.
  package init?(presentIn store: Store) {
    path = Self.path(in: store.root)
    locks = store.locks
    guard access(path.string, F_OK) == 0 else { return nil }
  }

  /// Where it is in the store at `root`.
  static func path(in root: FilePath) -> FilePath { Store.packageCache(in: root) }

  var packages: FilePath { path.appending("packages") }
  var partial: FilePath { path.appending("partial") }
  var indices: FilePath { path.appending("indices") }

  /// Where a package file is, or would be.
  func file(of download: PackageDownload) -> FilePath { packages.appending(download.key) }

  /// Whether a package file is there.
  func has(_ download: PackageDownload) -> Bool {
    var status = stat()
    return stat(file(of: download).string, &status) == 0 && status.st_size == download.size
  }

  /// Runs `body` while no other command fetches anything: what two want is fetched once.
  func whileFetching<Result>(_ body: () throws -> Result) throws -> Result {
    let lock = try Lock.wait(for: Self.lockName, in: locks)
    defer { withExtendedLifetime(lock) {} }
    return try body()
  }

  /// Runs `body` unless another command fetches something. Nil where one does.
  package func unlessFetching<Result>(_ body: () throws -> Result) throws -> Result? {
    let lock: Lock?
    do {
      lock = try Lock.take(Self.lockName, in: locks, wait: .never)
    } catch let error as FileError where error.errno == .noSpace {
      // Where there is no space for the file of the lock there is none, and nobody has it.
      return try body()
    }
    guard let lock else { return nil }
    defer { withExtendedLifetime(lock) {} }
    return try body()
  }

  private static let lockName = "fetch"

  /// Removes package files that nothing has used for a month.
  func removeOld() {
    for file in CachedFile.all(in: [packages, partial]) where file.isUnused(for: CachedFile.oldAfter) {
      unlink(file.path.string)
    }
  }
}
