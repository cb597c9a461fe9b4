import Btrfs
import DebianFormats
import Glibc
import Host
import Rootfs
import SnapshotTree
import Store
import SystemPackage

/// The source of the base's content.
public enum BaseSource: Sendable, Equatable {
  /// A Debian made from an archive by mmdebstrap(1), whose apt gets the options `aptOptions` (apt.conf(5)).
  case bootstrap(suite: String, variant: String, mirror: String?, include: [String], aptOptions: [AptOption])
  /// A tar archive of a root file system, compressed or not.
  case tarball(FilePath)
  /// A root file system in a directory.
  case directory(FilePath)
  /// The root file system in a subvolume of the same btrfs, of which a snapshot is made and no copy.
  case snapshot(FilePath)

  /// Makes sure that its file or directory can be read, and has all that the base is to have; or that the program is
  /// there that makes a base.
  public func requireReadable() throws {
    let (path, kind): (FilePath, mode_t)
    switch self {
    case .bootstrap: return try HostProgram.require([.mmdebstrap])
    case .tarball(let tarball): (path, kind) = (tarball, S_IFREG)
    case .directory(let directory), .snapshot(let directory): (path, kind) = (directory, S_IFDIR)
    }
    var status = stat()
    guard stat(path.string, &status) == 0, access(path.string, R_OK) == 0 else {
      throw AstError(.notFound, "cannot read \(path): \(Errno(rawValue: errno))", state: .unchanged)
    }
    guard status.st_mode & S_IFMT == kind else {
      throw AstError(
        .notFound, "\(path) is not a \(kind == S_IFDIR ? "directory" : "file")", state: .unchanged)
    }
    if case .directory(let directory) = self { _ = try CopyRoot(of: directory) }
  }
}
