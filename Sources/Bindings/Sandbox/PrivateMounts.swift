import CSandbox
import Glibc
import SystemPackage

/// Mounts that only this process and its children see, and that end with them.
public enum PrivateMounts {
  /// Gives this process mounts of its own. To be called while it has one thread: the others would keep the old ones.
  ///
  /// - Throws: `Errno`.
  public static func enter() throws {
    guard sandbox_unshare_mounts() == 0 else { throw Errno(rawValue: errno) }
  }

  /// Makes what is mounted at `path` writable for this process.
  ///
  /// - Throws: `Errno`.
  public static func makeWritable(_ path: FilePath) throws {
    guard path.withPlatformString(sandbox_set_writable) == 0 else { throw Errno(rawValue: errno) }
  }

  /// Shows `source`, with what is mounted below it, at `target` too.
  ///
  /// - Throws: `Errno`.
  public static func bind(_ source: FilePath, at target: FilePath) throws {
    guard mount(source.string, target.string, nil, UInt(MS_BIND | MS_REC), nil) == 0 else {
      throw Errno(rawValue: errno)
    }
  }
}
