import Glibc
import SystemPackage
import Testing

/// A mounted file system on a disk that logs its writes and flushes.
///
/// The kernel sees a loop device over a FUSE file; behind that file qemu-storage-daemon passes each request on to the
/// image and records it in the log. Requests complete after they are in both.
package struct LoggedDisk {
  private let scratch: ScratchDirectory
  private let log: ImageFile

  /// Starts a disk with these contents, and mounts it at the mount point of `scratch`.
  package init(image: ImageFile, log: ImageFile, of type: String = "btrfs", in scratch: ScratchDirectory) throws {
    self.scratch = scratch
    self.log = log
    let export = try ImageFile(at: scratch.file(Self.exportName))
    // Discards stop at the first of these nodes ("discard" is "ignore" by default): the disk keeps the old bytes, as a
    // disk may.
    try runSuccessfully([
      Self.daemon, "--daemonize", "--pidfile", scratch.file(Self.pidName).string,
      "--blockdev", "driver=file,node-name=image,filename=\(image.path)",
      "--blockdev", "driver=file,node-name=log,filename=\(log.path)",
      "--blockdev", "driver=blklogwrites,node-name=disk,file=image,log=log,log-sector-size=512",
      "--export", "type=fuse,id=disk,node-name=disk,mountpoint=\(export.path),writable=on",
    ])
    try runSuccessfully(["mount", "-t", type, "-o", "loop", export.path.string, scratch.mountPoint.string])
  }

  /// The next place in the log: everything that has returned is before it.
  package func mark() throws -> Int64 { try log.size() }

  /// Unmounts the file system and ends the daemon. Then the log is complete.
  package func stop() throws {
    try scratch.unmount()
    let pidFile = scratch.file(Self.pidName)
    let pid = Self.pid(in: pidFile)
    guard let pid, kill(pid, SIGTERM) == 0 else { throw Errno.noSuchProcess }
    // The daemon is not a child of ours; it removes its pid file last.
    for _ in 0..<2000 where access(pidFile.string, F_OK) == 0 { usleep(5000) }
    guard access(pidFile.string, F_OK) != 0 else { throw Errno.timedOut }
  }

  /// Kills the daemon that works in `directory`, if there is one.
  package static func killDaemon(of directory: FilePath) {
    guard let pid = pid(in: directory.appending(pidName)),
      text(of: FilePath("/proc/\(pid)/cmdline")).contains(directory.string)
    else { return }
    kill(pid, SIGKILL)
  }

  package static let exportName = "export"
  private static let pidName = "pid"
  private static let daemon = "qemu-storage-daemon"

  private static func pid(in file: FilePath) -> pid_t? {
    pid_t(text(of: file).prefix { $0.isNumber })
  }

  private static func text(of path: FilePath) -> String {
    guard let file = try? FileDescriptor.open(path, .readOnly, options: .closeOnExec) else { return "" }
    defer { try? file.close() }
    let bytes = try? [UInt8](unsafeUninitializedCapacity: 1 << 16) { buffer, count in
      count = try file.read(into: UnsafeMutableRawBufferPointer(buffer))
    }
    return String(decoding: bytes ?? [], as: UTF8.self)
  }

  /// Why this machine cannot have such a disk; nil if it can.
  package static let hindrance: String? = {
    if geteuid() != 0 { return "needs root: it mounts file systems" }
    if access("/dev/fuse", F_OK) != 0 { return "needs /dev/fuse" }
    // Debian 12 has it in qemu-system-common, Debian 13 in qemu-utils.
    for (program, packages) in [(daemon, "qemu-system-common, qemu-utils"), ("mkfs.btrfs", "btrfs-progs")] {
      guard (try? run(["which", program]))?.status == 0 else { return "needs \(program) (\(packages))" }
    }
    return nil
  }()
}

extension Trait where Self == ConditionTrait {
  /// Skips the test or suite, with the reason, if disks cannot be logged.
  package static var requiresLoggedDisk: Self {
    .enabled(if: LoggedDisk.hindrance == nil, "\(LoggedDisk.hindrance ?? "")")
  }
}
