import CSandbox
import Glibc
import SystemPackage

/// Mounts that only this process and its children see, and that end with them.
public enum PrivateMounts {
  /// Gives this process its own mounts. Call it while there is one thread: other threads would keep the old mounts.
  ///
  /// - Throws: `Errno`.
  public static func enter() throws {
    guard sandbox_unshare_mounts() == 0 else { throw Errno(rawValue: errno) }
  }

  /// Makes the mount at `path` writable for this process.
  ///
  /// - Throws: `Errno`.
  public static func makeWritable(_ path: FilePath) throws {
    guard path.withPlatformString(sandbox_set_writable) == 0 else { throw Errno(rawValue: errno) }
  }

  /// Shows `source`, with all mounts below it, at `target` too.
  ///
  /// - Throws: `Errno`.
  public static func bind(_ source: FilePath, at target: FilePath) throws {
    guard mount(source.string, target.string, nil, UInt(MS_BIND | MS_REC), nil) == 0 else {
      throw Errno(rawValue: errno)
    }
  }
}
