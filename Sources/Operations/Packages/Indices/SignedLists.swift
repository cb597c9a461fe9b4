import Btrfs
import DebianFormats
import FoundationEssentials
import Host
import SystemPackage

/// The lists in a directory that a signed index names by their checksums, and these indices themselves.
struct SignedLists {
  private let directory: RootDirectory
  private let releases: [String]
  private let checksums: [(name: String, sha256: String)]

  init(in path: FilePath) throws {
    directory = RootDirectory(path)
    let names = Set(try directory.entries(of: "/").filter { !$0.isDirectory }.map(\.name))
    var releases: [String] = []
    var checksums: [String: String] = [:]
    for name in names.sorted() where name.hasSuffix(Self.release) && !name.contains(where: { "\\\n\r".contains($0) }) {
      guard let text = try directory.beginning(of: FilePath(name), count: Self.largestRelease),
        let release = ReleaseChecksums(inRelease: String(decoding: text, as: UTF8.self))
      else { continue }
      releases.append(name)
      let prefix = name.dropLast(Self.release.count)
      for (path, checksum) in release.sha256 {
        let list = "\(prefix)\(ReleaseChecksums.listName(of: path))"
        if names.contains(list) { checksums[list] = checksum }
      }
    }
    self.releases = releases
    self.checksums = checksums.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  /// Copies them to another directory, which is empty.
  func copy(to other: FilePath) throws {
    for name in releases + checksums.map(\.name) {
      guard let file = try directory.openFile(FilePath(name)) else { continue }
      try file.descriptor.closeAfter { try cloneFile(file.descriptor, to: other.appending(name)) }
    }
  }

  /// Whether there are some, and each has the checksum that its index names.
  func areIntact() throws -> Bool {
    guard !checksums.isEmpty else { return false }
    let sums = checksums.map { "\($0.sha256)  \(directory.path.appending($0.name))\n" }.joined()
    do {
      try ChildProcess("sha256sum", ["--check", "--strict", "--status", "-"]).run(reading: Data(sums.utf8))
      return true
    } catch let error as AstError where error.code == .failed {
      return false
    }
  }

  private static let release = "InRelease"
  /// Many times what Debian's index has, in bytes.
  private static let largestRelease = 16 << 20
}
