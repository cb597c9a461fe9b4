import Btrfs
import DebianFormats
import FoundationEssentials
import Glibc
import Host
import Sandbox
import SystemPackage

/// The indices of one key: the lists that `apt-get update` fetches, and the tables apt computes from them.
///
/// Their directory is replaced as a whole, together with copies of both parts of the key, which are compared byte for byte.
struct PackageIndices {
  private let path: FilePath
  private let key: IndicesKey

  /// Finds the indices with a key, or a path for new ones. The caller holds the cache's lock.
  init(for key: IndicesKey, in cache: PackageCache) throws {
    let taken = try Files.names(in: cache.indices).compactMap(Int.init)
    let known = taken.first { Self.key(of: cache.indices.appending("\($0)"), is: key) }
    self.key = key
    path = cache.indices.appending("\(known ?? (taken.max() ?? 0) + 1)")
  }

  /// Whether a set of indices has this key.
  static func key(of set: FilePath, is key: IndicesKey) -> Bool {
    part("programs", of: set) == key.programs && part("configuration", of: set) == key.configuration
  }

  private static func part(_ name: String, of set: FilePath) -> Data? {
    try? Data(contentsOf: URL(filePath: set.appending(name).string))
  }

  /// The directory of the lists, which may not exist yet.
  var lists: FilePath { path.appending("lists") }

  /// The directory of the places of the entries in the lists, which are made when they are wanted.
  var places: FilePath { path.appending("places") }

  /// When they were fetched; nil if that has not happened yet. A time in the future counts as long ago: the clock was
  /// ahead then.
  var fetched: Date? { Self.fetched(path) }

  private static func fetched(_ set: FilePath) -> Date? {
    var status = stat()
    guard stat(set.appending("configuration").string, &status) == 0 else { return nil }
    let date = Date(timeIntervalSince1970: Double(status.st_mtim.tv_sec) + Double(status.st_mtim.tv_nsec) / 1e9)
    return date > Date() ? .distantPast : date
  }

  /// The sources that could not be fetched with them.
  var failures: [AptUpdate.Failure] {
    let lines = String(decoding: Self.part(Self.failed, of: path) ?? Data(), as: UTF8.self).split(separator: "\n")
    return lines.compactMap { line in
      let fields = line.split(separator: "\t", maxSplits: 1).map(String.init)
      return fields.count == 2 ? AptUpdate.Failure(source: fields[0], reason: fields[1]) : nil
    }
  }

  private static let failed = "failures"

  /// The newest lists that an apt with other programs has fetched for the same configuration, if they are newer than
  /// these: nothing but what the archive has signed may be taken from them. The caller holds the cache's lock.
  func newerOfOthers(in cache: PackageCache) throws -> (lists: FilePath, fetched: Date)? {
    let sets = try Files.names(in: cache.indices).filter { Int($0) != nil }.map { cache.indices.appending($0) }
    let others = sets.filter { $0 != path && Self.part("configuration", of: $0) == key.configuration }
    let newest = others.compactMap { set in Self.fetched(set).map { (set.appending("lists"), $0) } }.max { $0.1 < $1.1 }
    return newest.flatMap { $0.1 > fetched ?? .distantPast ? $0 : nil }
  }

  /// Copies them to a workspace in which no program has run yet.
  ///
  /// - Parameter status: the node's own database of dpkg.
  func copy(to workspace: AptWorkspace, with status: Data) throws {
    guard fetched != nil else { return }
    let kept = RootDirectory(path)
    try cloneFiles(in: "lists", kept, to: workspace.writable.appending("lists"))
    let tables = workspace.writable.appending("cache")
    try cloneFiles(in: "tables", kept, to: tables)
    if Self.part(Self.status, of: path) != status {
      try Files.removeFileIfPresent(tables.appending(Self.tableOfInstalled))
    }
  }

  /// Replaces them by what is in a workspace. A power cut leaves the old indices, the new ones, or none: clones are
  /// metadata, which btrfs commits in the order in which it was changed.
  ///
  /// - Parameters:
  ///   - date: when they were fetched; nil for now.
  ///   - failures: the sources that are missing in them, or old.
  func replace(
    from workspace: AptWorkspace, fetched date: Date? = nil, failures: [AptUpdate.Failure] = []
  ) throws {
    let new = path.removingLastComponent().appending("new")
    try? FileManager.default.removeItem(atPath: new.string)
    for directory in [new, new.appending("lists"), new.appending("tables")] {
      try Files.makeDirectory(directory)
    }
    try cloneFiles(in: "lists", workspace.written, to: new.appending("lists"))
    try Files.write(key.programs, to: new.appending("programs"))
    let lines = failures.map { "\($0.source)\t\($0.reason.replacing("\t", with: " "))\n" }.joined()
    try Files.write(lines.utf8, to: new.appending(Self.failed))
    let configuration = new.appending("configuration")
    try Files.write(key.configuration, to: configuration)
    if let date { try FileManager.default.setAttributes([.modificationDate: date], ofItemAtPath: configuration.string) }
    try? FileManager.default.removeItem(atPath: path.string)
    try Files.rename(new, to: path)
  }

  /// Keeps the tables that a workspace's apt has computed, if it had to.
  ///
  /// - Parameter status: dpkg's status database, which one of the tables is of.
  func keepTables(of workspace: AptWorkspace, with status: Data) throws {
    try keepTable("srcpkgcache.bin", of: workspace)
    guard try keepTable(Self.tableOfInstalled, of: workspace) || Self.part(Self.status, of: path) != status else {
      return
    }
    try Files.write(status, to: path.appending(Self.status))
  }

  /// - Returns: whether it is another one than before.
  @discardableResult
  private func keepTable(_ name: String, of workspace: AptWorkspace) throws -> Bool {
    guard let new = try workspace.written.openFile(FilePath("cache/\(name)")) else { return false }
    return try new.descriptor.closeAfter {
      let kept = path.appending("tables/\(name)")
      guard try !isSame(new.descriptor, kept) else { return false }
      // The table does not belong to what is remembered from here on.
      if name == Self.tableOfInstalled { try Files.removeFileIfPresent(path.appending(Self.status)) }
      let temporary = path.appending("tables/new")
      unlink(temporary.string)
      try cloneFile(new.descriptor, to: temporary)
      try Files.rename(temporary, to: kept)
      return true
    }
  }

  /// The table that has the installed packages in it, and the name of the copy of dpkg's database it was made from: to
  /// apt, another node's with the same size and time would be the same.
  private static let tableOfInstalled = "pkgcache.bin"
  private static let status = "status"

  /// Whether both have the same size and the same time of change.
  private func isSame(_ file: FileDescriptor, _ kept: FilePath) throws -> Bool {
    var (new, old) = (stat(), stat())
    guard fstat(file.rawValue, &new) == 0 else { throw FileError("compare", kept, Errno(rawValue: errno)) }
    return lstat(kept.string, &old) == 0 && new.st_size == old.st_size
      && new.st_mtim.tv_sec == old.st_mtim.tv_sec && new.st_mtim.tv_nsec == old.st_mtim.tv_nsec
  }

  /// Copies regular files only: apt makes its directories for unfinished files itself.
  private func cloneFiles(in directory: FilePath, _ root: RootDirectory, to other: FilePath) throws {
    for entry in try root.entries(of: directory) where !entry.isDirectory && entry.name != "lock" {
      guard let file = try root.openFile(directory.appending(entry.name)) else { continue }
      try file.descriptor.closeAfter { try cloneFile(file.descriptor, to: other.appending(entry.name)) }
    }
  }
}
