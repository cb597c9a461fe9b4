import CSandbox
import Glibc
import SystemPackage

/// Mounts that the whole machine sees, until they are taken away or it restarts.
public enum HostMounts {
  /// Shows the directory `source`, read-only, at the directory `target`. What was opened there before stays as it is.
  ///
  /// - Throws: `Errno`.
  public static func show(_ source: FilePath, at target: FilePath) throws {
    let status = source.withPlatformString { source in
      target.withPlatformString { sandbox_show_on_host(source, $0) }
    }
    guard status == 0 else { throw Errno(rawValue: errno) }
  }

  /// Takes away what is mounted at `target` last. What was opened there stays usable.
  ///
  /// - Throws: `Errno`.
  public static func hide(_ target: FilePath) throws {
    guard target.withPlatformString(sandbox_hide_on_host) == 0 else { throw Errno(rawValue: errno) }
  }
}
