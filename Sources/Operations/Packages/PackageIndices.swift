import Btrfs
import FoundationEssentials
import Glibc
import Host
import Sandbox
import SystemPackage

/// The indices of one set of sources: the lists that `apt-get update` fetches, and the tables apt computes from them. Nodes whose
/// apt has the same configuration and the same keys share them.
///
/// Their directory is replaced as a whole, together with a copy of the configuration, which is compared byte for byte.
struct PackageIndices {
  private let path: FilePath
  private let configuration: Data

  /// Finds the indices for an apt with this configuration, or a path for new ones. The caller holds the cache's lock.
  init(for configuration: Data, in cache: PackageCache) throws {
    let names = try Files.names(in: cache.indices)
    let taken = names.compactMap(Int.init)
    let known = taken.first { number in
      let file = cache.indices.appending("\(number)/configuration")
      return (try? Data(contentsOf: URL(filePath: file.string))) == configuration
    }
    self.configuration = configuration
    path = cache.indices.appending("\(known ?? (taken.max() ?? 0) + 1)")
  }

  /// When they were fetched; nil if that has not happened yet.
  var fetched: Date? {
    var status = stat()
    guard stat(path.appending("configuration").string, &status) == 0 else { return nil }
    return Date(timeIntervalSince1970: Double(status.st_mtim.tv_sec) + Double(status.st_mtim.tv_nsec) / 1e9)
  }

  /// Copies them to a workspace in which no program has run yet.
  func copy(to workspace: AptWorkspace) throws {
    guard fetched != nil else { return }
    let kept = RootDirectory(path)
    try cloneFiles(in: "lists", kept, to: workspace.writable.appending("lists"))
    try cloneFiles(in: "tables", kept, to: workspace.writable.appending("cache"))
  }

  /// Replaces them by what a workspace has fetched. A power cut leaves the old indices, the new ones, or none: clones are
  /// metadata, which btrfs commits in the order in which it was changed.
  func replace(from workspace: AptWorkspace) throws {
    let new = path.removingLastComponent().appending("new")
    try? FileManager.default.removeItem(atPath: new.string)
    for directory in [new, new.appending("lists"), new.appending("tables")] {
      try Files.makeDirectory(directory)
    }
    try cloneFiles(in: "lists", workspace.written, to: new.appending("lists"))
    try Files.write(configuration, to: new.appending("configuration"))
    try? FileManager.default.removeItem(atPath: path.string)
    try Files.rename(new, to: path)
  }

  /// Keeps the tables that a workspace's apt has computed, if it had to.
  func keepTables(of workspace: AptWorkspace) throws {
    for name in ["pkgcache.bin", "srcpkgcache.bin"] {
      guard let new = try workspace.written.openFile(FilePath("cache/\(name)")) else { continue }
      try new.descriptor.closeAfter {
        let kept = path.appending("tables/\(name)")
        guard try !isSame(new.descriptor, kept) else { return }
        let temporary = path.appending("tables/new")
        unlink(temporary.string)
        try cloneFile(new.descriptor, to: temporary)
        try Files.rename(temporary, to: kept)
      }
    }
  }

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

  /// Everything that decides what an apt fetches and which keys it trusts: `/etc/apt`, the keys of Debian's packages, and the
  /// architectures.
  ///
  /// - Throws: `AstError` if that is implausibly much: a program of the node can write anything there.
  static func configuration(of root: FilePath) throws -> Data {
    let inside = RootDirectory(root)
    var text = Data()
    for file in try inside.files(below: "/etc/apt") + inside.files(below: "/usr/share/keyrings")
      + ["/var/lib/dpkg/arch"]
    {
      guard let contents = try inside.beginning(of: file, count: largestConfiguration + 1) else { continue }
      text += Data("\(file) \(contents.count)\n".utf8) + contents
      guard text.count <= largestConfiguration else {
        throw AstError(
          .failed, "the configuration and the keys of apt in \(root) are larger than \(largestConfiguration >> 20) MiB")
      }
    }
    return text
  }

  /// Many times what Debian's sources and keys have, in bytes.
  private static let largestConfiguration = 32 << 20

  /// The name of the lock that saves a second command from fetching the same. A hash: FNV-1a with 64 bits; two
  /// configurations with the same one would only wait for each other.
  static func lockName(of configuration: Data) -> String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in configuration { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return "indices-\(String(hash, radix: 16))"
  }
}
