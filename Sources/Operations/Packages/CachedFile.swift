import FoundationEssentials
import Glibc
import SystemPackage

/// A package file in the cache, complete or not.
package struct CachedFile {
  /// Its path, which ends in ``PackageDownload/key``.
  let path: FilePath
  /// The space it takes, in bytes.
  let size: Int64
  /// When a command last used it.
  private let used: Int

  /// Longer than any command works with a file from the cache, in seconds.
  static let inUseFor = 24 * 3600
  /// The time after which an unused file is old, in seconds.
  static let oldAfter = 30 * inUseFor

  /// Whether no command has used it for this many seconds.
  func isUnused(for seconds: Int) -> Bool { used < time(nil) - seconds }

  /// The checksum in its name; nil if there is none.
  var checksum: String? {
    let prefix = "sha256-"
    guard let name = path.lastComponent?.string, name.hasPrefix(prefix) else { return nil }
    return String(name.dropFirst(prefix.count))
  }

  /// The files in those of the directories that exist.
  static func all(in directories: [FilePath]) -> [CachedFile] {
    directories.flatMap { directory in
      let names = (try? FileManager.default.contentsOfDirectory(atPath: directory.string)) ?? []
      return names.sorted().compactMap { CachedFile(at: directory.appending($0)) }
    }
  }

  private init?(at path: FilePath) {
    var status = stat()
    guard lstat(path.string, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    self.path = path
    size = Int64(status.st_blocks) * 512
    used = status.st_mtim.tv_sec
  }
}
