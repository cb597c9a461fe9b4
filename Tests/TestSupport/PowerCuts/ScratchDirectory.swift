import Glibc
import SystemPackage

/// The directory of one scenario: its images, its mount point, its daemon's pid file.
///
/// It is locked with flock(2) while its process lives. The next scenario that starts removes directories without a lock,
/// which killed processes have left.
package final class ScratchDirectory {
  /// The mount point of the scenario's file system, and later of each crash state.
  package let mountPoint: FilePath

  private let path: FilePath
  private let lock: FileDescriptor

  /// Makes the directory in memory if `bytes` fit there, or else on the disk.
  package init(for bytes: Int64) throws {
    // Another process must not take the directory for an abandoned one before it is locked.
    let doors = Self.bases.compactMap { try? Self.locked($0) }
    defer { for door in doors { try? door.close() } }
    for base in Self.bases { Self.clearAbandoned(in: base) }

    let base = Self.bases.first { Self.free($0) >= bytes } ?? Self.bases[1]
    var template = Array(base.appending("\(Self.prefix)XXXXXX").string.utf8CString)
    guard mkdtemp(&template) != nil else { throw Errno(rawValue: errno) }
    path = FilePath(platformString: template)
    lock = try Self.locked(path)
    mountPoint = path.appending("mount")
    guard mkdir(mountPoint.string, 0o755) == 0 else { throw Errno(rawValue: errno) }
  }

  deinit { try? lock.close() }

  /// Ends the programs that run here, and removes everything.
  package func remove() { Self.clear(path) }

  /// A file of this directory.
  package func file(_ name: String) -> FilePath { path.appending(name) }

  /// Unmounts the file system at the mount point. Throws `Errno` (busy) if a file there is still open.
  ///
  /// A mount namespace that was made meanwhile has it mounted, too: the disk is complete when the last of them is gone.
  package func unmount() throws {
    let uuid = try runSuccessfully(["findmnt", "-no", "UUID", mountPoint.string]).prefix { $0 != "\n" }
    guard umount(mountPoint.string) == 0 else { throw Errno(rawValue: errno) }
    for _ in 0..<6000 where access("/sys/fs/btrfs/\(uuid)", F_OK) == 0 { usleep(5000) }
    guard access("/sys/fs/btrfs/\(uuid)", F_OK) != 0 else { throw Errno.resourceBusy }
  }

  private static let bases: [FilePath] = ["/dev/shm", "/var/tmp"]
  package static let prefix = "ast-powercut-"

  private static func free(_ base: FilePath) -> Int64 {
    var status = statvfs()
    guard statvfs(base.string, &status) == 0 else { return 0 }
    return Int64(status.f_bavail) * Int64(status.f_frsize)
  }

  private static func locked(_ directory: FilePath, waiting: Bool = true) throws -> FileDescriptor {
    let file = try FileDescriptor.open(directory, .readOnly, options: [.directory, .closeOnExec])
    guard flock(file.rawValue, LOCK_EX | (waiting ? 0 : LOCK_NB)) == 0 else {
      let error = Errno(rawValue: errno)
      try? file.close()
      throw error
    }
    return file
  }

  private static func clearAbandoned(in base: FilePath) {
    guard let names = try? run(["find", base.string, "-maxdepth", "1", "-name", "\(prefix)*"]) else { return }
    for name in names.stdout.split(separator: "\n") {
      guard let lock = try? locked(FilePath(String(name)), waiting: false) else { continue }
      clear(FilePath(String(name)))
      try? lock.close()
    }
  }

  private static func clear(_ directory: FilePath) {
    // The file system first, because it writes to the daemon. The loop device goes with it (mount(8) sets "autoclear").
    for name in ["mount", LoggedDisk.exportName] {
      let target = directory.appending(name).string
      if name == LoggedDisk.exportName { LoggedDisk.killDaemon(of: directory) }
      while umount(target) == 0 {}
      umount2(target, Int32(MNT_DETACH))
    }
    _ = try? run(["rm", "-rf", "--one-file-system", directory.string])
  }
}
