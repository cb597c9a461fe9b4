import FoundationEssentials
import Glibc
import SystemPackage

/// A package file in the cache, whole or begun.
package struct CachedFile {
  /// Where it is. Its name says what it is: ``PackageDownload/key``.
  let path: FilePath
  /// The space it takes, in bytes.
  let size: Int64
  /// When a command last used it.
  private let used: Int

  /// Longer than any command works with a file that it has found in the cache.
  static let inUseFor = 24 * 3600
  /// What nothing has used for so long is old.
  static let oldAfter = 30 * inUseFor

  /// Whether nothing has used it for so many seconds.
  func isUnused(for seconds: Int) -> Bool { used < time(nil) - seconds }

  /// The checksum of the package in its name; nil for a file that is named for none.
  var checksum: String? {
    let prefix = "sha256-"
    guard let name = path.lastComponent?.string, name.hasPrefix(prefix) else { return nil }
    return String(name.dropFirst(prefix.count))
  }

  /// The files in these directories, as far as they are there.
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
