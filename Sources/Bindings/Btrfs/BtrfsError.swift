import CBtrfsUtil
import Glibc
import SystemPackage

/// A failed btrfs operation: the kind of failure, the path, and the answer of the kernel.
public struct BtrfsError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The kinds of failure that callers distinguish.
  public enum Code: Sendable, Equatable {
    /// The path is on a file system of another kind.
    case notBtrfs
    /// The path is on btrfs, but not the root of a subvolume.
    case notASubvolume
    /// The name exists already.
    case exists
    /// The name does not exist.
    case notFound
    /// No space for data or for metadata, or a quota is used up.
    case noSpace
    /// The file system or the subvolume is read-only.
    case readOnly
    /// The subvolume is in use: a mount point, or sent.
    case busy
    /// Not permitted to this user, or not to any: the default subvolume cannot be deleted.
    case notPermitted
    /// The subvolume contains other subvolumes.
    case notEmpty
    /// Everything else: see ``BtrfsError/errno``.
    case other
  }

  /// The kind of failure.
  public let code: Code
  /// The attempt, as a phrase that follows "cannot": "create snapshot".
  public let operation: String
  /// The path of the attempt.
  public let path: FilePath
  /// The error number from the kernel.
  public let errno: Errno

  /// One sentence without a full stop.
  public var description: String {
    let reason =
      switch code {
      case .notBtrfs: "not on a btrfs file system"
      case .notASubvolume: "not a btrfs subvolume"
      default: "\(errno)"
      }
    return "cannot \(operation) \(path): \(reason)"
  }

  /// An error whose code follows from `errno`, unless the caller knows better.
  init(_ operation: String, _ path: FilePath, _ errno: Errno, code: Code? = nil) {
    self.code = code ?? Code(errno)
    self.operation = operation
    self.path = path
    self.errno = errno
  }

  /// Calls libbtrfsutil with `path` and throws what it reports.
  static func check(
    _ operation: String, _ path: FilePath, _ call: (UnsafePointer<CChar>) -> btrfs_util_error
  ) throws(BtrfsError) {
    let (result, number) = path.withPlatformString { (call($0), Glibc.errno) }
    guard result != BTRFS_UTIL_OK else { return }
    throw BtrfsError(operation, path, Errno(rawValue: number), code: Code(result))
  }

  /// Throws if a function of CBtrfs returned a negative errno; returns any other result.
  @discardableResult
  static func check(_ operation: String, _ path: FilePath, result: Int32) throws(BtrfsError) -> Int {
    guard result < 0 else { return Int(result) }
    throw BtrfsError(operation, path, Errno(rawValue: -result))
  }
}

extension BtrfsError.Code {
  init(_ errno: Errno) {
    switch errno {
    // Other file systems do not know the ioctls of btrfs.
    case .inappropriateIOCTLForDevice: self = .notBtrfs
    case .fileExists: self = .exists
    case .noSuchFileOrDirectory: self = .notFound
    case .noSpace, .diskQuotaExceeded: self = .noSpace
    case .readOnlyFileSystem: self = .readOnly
    case .resourceBusy, .textFileBusy: self = .busy
    case .notPermitted, .permissionDenied: self = .notPermitted
    case .directoryNotEmpty: self = .notEmpty
    default: self = .other
    }
  }

  /// The findings for which libbtrfsutil has its own codes; nil if `errno` says it all.
  fileprivate init?(_ error: btrfs_util_error) {
    switch error {
    case BTRFS_UTIL_ERROR_NOT_BTRFS: self = .notBtrfs
    case BTRFS_UTIL_ERROR_NOT_SUBVOLUME: self = .notASubvolume
    case BTRFS_UTIL_ERROR_SUBVOLUME_NOT_FOUND: self = .notFound
    default: return nil
    }
  }
}
