import Btrfs
import FoundationEssentials
import Glibc
import Sandbox
import SystemPackage

/// The indices of one set of sources: what `apt-get update` fetches, and the tables apt computes from it. Nodes whose
/// apt has the same configuration and the same keys share them.
///
/// They are in a directory that is replaced as a whole, together with the configuration they belong to, which is
/// compared byte for byte.
struct PackageIndices {
  private let path: FilePath
  private let configuration: Data

  /// Finds the indices for the apt in `root`, or where they will be. The caller holds the cache's lock.
  init(for root: FilePath, in cache: PackageCache) throws {
    let configuration = try Self.configuration(of: root)
    let names = try FileManager.default.contentsOfDirectory(atPath: cache.indices.string)
    let taken = names.compactMap(Int.init)
    let known = taken.first { number in
      let file = cache.indices.appending("\(number)/configuration")
      return (try? Data(contentsOf: URL(filePath: file.string))) == configuration
    }
    self.configuration = configuration
    path = cache.indices.appending("\(known ?? (taken.max() ?? 0) + 1)")
  }

  /// When they were fetched; nil if they never were.
  var fetched: Date? {
    var status = stat()
    guard stat(path.appending("configuration").string, &status) == 0 else { return nil }
    return Date(timeIntervalSince1970: Double(status.st_mtim.tv_sec) + Double(status.st_mtim.tv_nsec) / 1e9)
  }

  /// Gives a workspace copies of them.
  func copy(to workspace: AptWorkspace) throws {
    guard fetched != nil else { return }
    try cloneFiles(in: path.appending("lists"), to: workspace.lists)
    try cloneFiles(in: path.appending("tables"), to: workspace.cache)
  }

  /// Takes over what a workspace has fetched.
  func replace(from workspace: AptWorkspace) throws {
    let new = path.removingLastComponent().appending("new")
    try? FileManager.default.removeItem(atPath: new.string)
    for directory in [new, new.appending("lists"), new.appending("tables")] {
      guard mkdir(directory.string, 0o755) == 0 else { throw Errno(rawValue: errno) }
    }
    try cloneFiles(in: workspace.lists, to: new.appending("lists"))
    try configuration.write(to: URL(filePath: new.appending("configuration").string))
    try? FileManager.default.removeItem(atPath: path.string)
    guard rename(new.string, path.string) == 0 else { throw Errno(rawValue: errno) }
  }

  /// Takes over the tables a workspace's apt has computed, where it had to.
  func keepTables(of workspace: AptWorkspace) throws {
    let tables = path.appending("tables")
    for name in ["pkgcache.bin", "srcpkgcache.bin"] {
      let (new, kept) = (workspace.cache.appending(name), tables.appending(name))
      guard try modified(new) != modified(kept), try modified(new) != nil else { continue }
      let temporary = tables.appending("new")
      unlink(temporary.string)
      try cloneFile(new, to: temporary)
      guard rename(temporary.string, kept.string) == 0 else { throw Errno(rawValue: errno) }
    }
  }

  private func modified(_ file: FilePath) throws -> [Int]? {
    var status = stat()
    guard lstat(file.string, &status) == 0 else { return nil }
    return [status.st_mtim.tv_sec, status.st_mtim.tv_nsec, Int(status.st_size)]
  }

  /// Regular files only: apt's own directories, for what it has not finished, it makes anew.
  private func cloneFiles(in directory: FilePath, to other: FilePath) throws {
    for name in try FileManager.default.contentsOfDirectory(atPath: directory.string) where name != "lock" {
      var status = stat()
      let file = directory.appending(name)
      guard lstat(file.string, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { continue }
      let copy = other.appending(name)
      unlink(copy.string)
      try cloneFile(file, to: copy)
    }
  }

  /// All that decides what an apt fetches and whom it trusts: `/etc/apt`, the keys of Debian's packages, and the
  /// architectures.
  private static func configuration(of root: FilePath) throws -> Data {
    let inside = RootDirectory(root)
    var text = Data()
    for file in try files(in: "/etc/apt", inside) + files(in: "/usr/share/keyrings", inside)
      + ["/var/lib/dpkg/arch"]
    {
      guard let contents = try inside.contents(of: file) else { continue }
      text += Data("\(file) \(contents.count)\n".utf8) + contents
    }
    return text
  }

  private static func files(in directory: FilePath, _ root: RootDirectory) throws -> [FilePath] {
    try root.entries(of: directory).flatMap { entry in
      let path = directory.appending(entry.name)
      return entry.isDirectory ? try files(in: path, root) : [path]
    }
  }
}
