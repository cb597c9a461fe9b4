import Btrfs
import DebianFormats
import FoundationEssentials
import Glibc
import Host
import SystemPackage

/// The lists in a directory that a signed index names by their checksums, and these indices themselves.
struct SignedLists {
  private let directory: RootDirectory
  /// When the indices were made, by the names of their files.
  private let releases: [String: String]
  private let checksums: [(name: String, sha256: String)]

  init(in path: FilePath) throws {
    directory = RootDirectory(path)
    let names = Set(try directory.entries(of: "/").filter { !$0.isDirectory }.map(\.name))
    var releases: [String: String] = [:]
    var checksums: [String: String] = [:]
    for name in names.sorted() where name.hasSuffix(Self.release) && !name.contains(where: { "\\\n\r".contains($0) }) {
      guard let text = try directory.beginning(of: FilePath(name), count: Self.largestRelease),
        let release = InRelease(String(decoding: text, as: UTF8.self))
      else { continue }
      releases[name] = release.date
      let prefix = name.dropLast(Self.release.count)
      for (path, checksum) in release.sha256 {
        let list = "\(prefix)\(InRelease.listName(of: path))"
        if names.contains(list) { checksums[list] = checksum }
      }
    }
    self.releases = releases
    self.checksums = checksums.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  /// Copies them to another directory, which is empty.
  ///
  /// The times of the indices are not signed: with the earliest one, apt asks for the index itself when it asks next
  /// whether there is a newer one.
  func copy(to other: FilePath) throws {
    for name in releases.keys + checksums.map(\.name) {
      guard let file = try directory.openFile(FilePath(name)) else { continue }
      try file.descriptor.closeAfter { try cloneFile(file.descriptor, to: other.appending(name)) }
    }
    for name in releases.keys {
      let times = [timespec(tv_sec: 1, tv_nsec: 0), timespec(tv_sec: 1, tv_nsec: 0)]
      guard utimensat(AT_FDCWD, other.appending(name).string, times, AT_SYMLINK_NOFOLLOW) == 0 else {
        throw FileError("set the time of", other.appending(name), Errno(rawValue: errno))
      }
    }
  }

  /// Whether one of the indices was made before the same one there.
  func isOlder(than other: SignedLists) -> Bool {
    releases.contains { name, date in other.releases[name].map { date < $0 } ?? false }
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
