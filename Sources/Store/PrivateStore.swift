import Btrfs
import Glibc
import Host
import Sandbox
import SystemPackage

/// The writable view of a store that an installed system has mounted read-only, so that nothing but ast changes it.
public enum PrivateStore {
  /// Gives this process private mounts if the store's mount is read-only, and makes the store writable in them. Call it
  /// while the process has one thread.
  ///
  /// - Parameter mounting: whether the process needs private mounts in any case.
  /// - Throws: `FileError`.
  public static func enter(at root: FilePath, mounting: Bool) throws {
    // A file system that is read-only as a whole stays so; opening the store for writing reports that.
    let isHidden = try (try? FileSystem.isReadOnly(root)) == true && MountTable.source(at: root) != nil
    if isHidden || mounting { try Files.attempt("make private mounts for", root) { try PrivateMounts.enter() } }
    if isHidden { try Files.attempt("remount", root) { try PrivateMounts.makeWritable(root) } }
  }
}
