import CSandbox
import Glibc
import SystemPackage

/// Mounts that the whole machine sees, until they are removed or the machine restarts.
public enum HostMounts {
  /// Shows the directory `source`, read-only, at the directory `target`. Files opened there before stay open.
  ///
  /// - Throws: `Errno`.
  public static func show(_ source: FilePath, at target: FilePath) throws {
    let status = source.withPlatformString { source in
      target.withPlatformString { sandbox_show_on_host(source, $0) }
    }
    guard status == 0 else { throw Errno(rawValue: errno) }
  }

  /// Removes the last mount at `target`. Files opened there stay usable.
  ///
  /// - Throws: `Errno`.
  public static func hide(_ target: FilePath) throws {
    guard target.withPlatformString(sandbox_hide_on_host) == 0 else { throw Errno(rawValue: errno) }
  }
}
