import Btrfs
import FoundationEssentials
import SystemPackage

/// A store whose base (node 0) is a minimal Debian that gets packages from an archive of the tests.
///
///     let packages = try PackageStore(publishing: [DebPackage("hello")])
///     try packages.store.ast("clone", "0").expectSuccess()
///     try packages.store.ast("run", "1", "apt-get", "update").expectSuccess()
///     try packages.repository.publish([DebPackage("hello", version: "2.0")])
///
/// Making one takes seconds, so the tests of a suite share one, and work in their own clones.
public struct PackageStore: Sendable {
  /// The sources of the base's apt, in addition to the archive of the tests.
  public enum OtherSources: Sendable {
    /// No other source.
    case none
    /// The archive that the Debian was made from, which needs a network.
    case debian
  }

  /// The store.
  public let store: TestStore
  /// The archive of the tests.
  public let repository: AptRepository

  /// A store with a Debian of this release.
  ///
  /// - Parameters:
  ///   - place: its directory; nil for one on the file system all tests share.
  ///   - packages: the first content of the archive.
  public init(
    at place: FilePath? = nil, release: String = DebianRoot.suite, publishing packages: [DebPackage] = [],
    other: OtherSources = .none
  ) throws {
    repository = try AptRepository()
    try repository.publish(packages)
    store = TestStore(existing: try place ?? LoopBtrfs.shared.newDirectory())
    let directory = try LoopBtrfs.shared.newDirectory()
    let root = try Self.root(of: release, in: directory)
    if other == .none { try Self.removeSources(from: root) }
    try Self.add(repository, to: root)
    try store.ast("init", "--directory", root.string).expectSuccess()
    try Subvolume(at: directory).delete()
  }

  private static func root(of release: String, in directory: FilePath) throws -> FilePath {
    if release == DebianRoot.suite { return try DebianRoot.snapshot(in: directory) }
    try runSuccessfully(["tar", "-C", directory.string, "-xf", DebianRoot.archive(of: release).string])
    return directory
  }

  private static func removeSources(from root: FilePath) throws {
    let place = root.appending("etc/apt")
    try runSuccessfully(["rm", "-rf", "sources.list", "sources.list.d"], in: place)
    try runSuccessfully(["mkdir", "sources.list.d"], in: place)
  }

  private static func add(_ repository: AptRepository, to root: FilePath) throws {
    let texts = [(AptRepository.keyFile, try ArchiveKey.publicKey), (AptRepository.sourcesFile, repository.sources)]
    for (path, text) in texts {
      try Data(text.utf8).write(to: URL(filePath: root.appending(path.string).string))
    }
  }
}
