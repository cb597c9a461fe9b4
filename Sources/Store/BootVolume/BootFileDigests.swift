import FoundationEssentials
import Glibc
import Host
import Rootfs
import SystemPackage

/// A kernel or an initrd in a root, with the name that its content gives it.
struct BootFile: Hashable {
  /// The first 32 hexadecimal digits of the SHA-256 of its content.
  let digest: String
  /// Its length in bytes.
  let size: Int64
}

/// The digests of kernels and initrds. They are remembered in a file that may be lost: then they are computed again.
///
/// A snapshot has the same inodes as its original: what nobody has written is not read again for it.
struct BootFileDigests {
  private static let path: FilePath = "ast/boot-digests.json"
  private let path: FilePath
  private let known: [String: String]
  private var used: [String: String] = [:]

  /// The digests that the store at `root` remembers.
  init(in root: FilePath) {
    path = root.pushing(Self.path)
    known = (try? JSONDecoder().decode([String: String].self, from: Files.contents(of: path))) ?? [:]
  }

  /// The digest of a file of a root; nil if there is no such file.
  mutating func file(_ file: FilePath, in root: FilePath) throws -> BootFile? {
    guard let (opened, size) = try RootDirectory(root).openFile(file, followingLinks: true) else { return nil }
    return try Files.attempt("read", root.pushing(file)) {
      try opened.closeAfter {
        let key = try Self.identity(of: opened)
        let digest = try known[key] ?? used[key] ?? Self.digest(of: opened)
        used[key] = digest
        return BootFile(digest: digest, size: size)
      }
    }
  }

  /// Remembers the digests that were asked for, and no others. If that fails, they are computed again the next time.
  func save() {
    guard used != known, let text = try? JSONEncoder().encode(used) else { return }
    let new = FilePath("\(path).new")
    do {
      try Files.write(text, to: new)
      try Files.rename(new, to: path)
    } catch {
      unlink(new.string)
    }
  }

  /// The digest of an open file, whose offset it does not use.
  static func digest(of opened: FileDescriptor) throws -> String {
    let line = try ChildProcess("sha256sum", ["/proc/\(getpid())/fd/\(opened.rawValue)"]).line()
    let digest = line.prefix(length)
    guard isDigest(String(digest)) else { throw AstError(.failed, "sha256sum prints no checksum: \(line)") }
    return String(digest)
  }

  /// Whether a name could be that of a copy.
  static func isDigest(_ name: String) -> Bool {
    name.utf8.count == length && name.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
  }

  private static let length = 32

  /// What changes when anybody writes the file, whatever times a program gives it.
  private static func identity(of file: FileDescriptor) throws -> String {
    var status = stat()
    guard fstat(file.rawValue, &status) == 0 else { throw Errno(rawValue: errno) }
    let times = [status.st_mtim, status.st_ctim].map { "\($0.tv_sec).\($0.tv_nsec)" }
    return (["\(status.st_ino)", "\(status.st_size)"] + times).joined(separator: " ")
  }
}
