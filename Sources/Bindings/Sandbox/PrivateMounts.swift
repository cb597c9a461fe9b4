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

  /// Gives this process, of any user, its own mounts, in which it may make more of them until it starts another program.
  /// Call it while there is one thread. The process keeps its user and its group, and has no other one.
  ///
  /// - Throws: `Errno`; `.notPermitted` where users may not make user namespaces.
  public static func enterAsUser() throws {
    guard sandbox_unshare_user_mounts() == 0 else { throw Errno(rawValue: errno) }
  }

  /// Removes the last mount at `target` for this process.
  ///
  /// - Throws: `Errno`.
  public static func remove(_ target: FilePath) throws {
    guard umount2(target.string, Int32(MNT_DETACH)) == 0 else { throw Errno(rawValue: errno) }
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
