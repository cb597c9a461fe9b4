import FoundationEssentials
import Glibc
import SystemPackage

/// A signed archive of Debian packages for apt, served on 127.0.0.1.
///
///     let repository = try AptRepository()
///     try repository.publish([DebPackage("hello", version: "1.0")])
///     try repository.publish([DebPackage("hello", version: "2.0")])
public struct AptRepository: Sendable {
  /// The directory with `dists` and `pool`.
  public let directory: FilePath
  /// The name of its only suite; its only component is `main`.
  public let suite: String
  /// Its origin and its label.
  let origin: String, label: String
  /// The server of the archive.
  public let server: HTTPServer

  /// An archive without packages, in its own directory.
  public init(suite: String = "tests", origin: String = "Tests", label: String = "Tests") throws {
    self.suite = suite
    (self.origin, self.label) = (origin, label)
    directory = try LoopBtrfs.shared.newDirectory()
    server = try HTTPServer(serving: directory)
    try publish([])
  }

  // MARK: Configuration of apt

  /// The path of the file with the public key, in the root of a node.
  public static let keyFile: FilePath = "etc/apt/keyrings/ast-tests.asc"

  /// The path of the file with ``sources``, in the root of a node.
  public static let sourcesFile: FilePath = "etc/apt/sources.list.d/ast-tests.sources"

  /// The text of a file `*.sources` (sources.list(5)).
  public var sources: String {
    """
    Types: deb
    URIs: \(server.uri)
    Suites: \(suite)
    Components: main
    Signed-By: /\(Self.keyFile)

    """
  }

  // MARK: Paths, for the server and, below `directory`, on disk

  /// The signed index of indices.
  public var releasePath: String { "/dists/\(suite)/InRelease" }

  /// The index of packages that apt fetches.
  public var indexPath: String {
    get throws { "/dists/\(suite)/\(try Self.indexName(for: Self.architecture)).gz" }
  }

  /// The archive of a package.
  public func path(of package: DebPackage) -> String {
    "/pool/main/\(package.name.prefix(1))/\(package.name)/\(package.archiveName)"
  }

  static func indexName(for architecture: String) -> String { "main/binary-\(architecture)/Packages" }

  /// This machine's architecture, as dpkg(1) names it; packages of other architectures are not in an index.
  public static var architecture: String { get throws { try ownArchitecture.get() } }

  private static let ownArchitecture = Result {
    try runSuccessfully(["dpkg", "--print-architecture"]).split(separator: "\n").joined()
  }
}
