import Glibc
import Host
import SystemPackage

/// The top level of a btrfs, or another file system, mounted while a command runs.
struct TemporaryMount {
  /// The mount point.
  let path: FilePath
  /// The directory around the mount point, for temporary files.
  let scratch: FilePath

  /// Mounts the btrfs on `device`: its top level, or a subvolume there.
  init(of device: FilePath, subvolume: String? = nil) throws {
    let options = subvolume.map { "subvol=\($0)" } ?? "subvolid=5"
    try self.init { path in
      guard mount(device.string, path.string, "btrfs", UInt(MS_NOATIME), options) == 0 else {
        throw AstError(.failed, "cannot mount \(device): \(Errno(rawValue: errno))")
      }
    }
  }

  /// Mounts the ext4 on `device`, which was made just now.
  init(ofNewVolume device: FilePath) throws {
    try self.init { path in
      guard mount(device.string, path.string, "ext4", UInt(MS_NOATIME), nil) == 0 else {
        throw AstError(.failed, "cannot mount \(device): \(Errno(rawValue: errno))")
      }
    }
  }

  /// Mounts the file system with a UUID that was the /boot of an adopted system.
  init(ofBootPartition identity: String) throws {
    try self.init { path in
      do {
        try ChildProcess("mount", ["-o", "noatime", "--", "UUID=\(identity)", path.string]).run()
      } catch let error as AstError {
        throw AstError(
          .failed, "the file system that was /boot before ast cannot be mounted: \(error.reason)",
          hint: "`blkid --uuid \(identity)` shows whether it is there")
      }
    }
  }

  private init(mount: (FilePath) throws -> Void) throws {
    var template = Array("/run/ast-bootstrap-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw AstError(.failed, "cannot make a directory in /run: \(Errno(rawValue: errno))")
    }
    scratch = FilePath(String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self))
    path = scratch.appending("top")
    do {
      try Files.makeDirectory(path, mode: 0o700)
      try mount(path)
    } catch {
      removeDirectories()
      throw error
    }
  }

  /// Unmounts it. What is still in use is unmounted by the kernel when it is not any more, at the latest when this
  /// command has ended.
  ///
  /// - Parameter warn: called if it is still in use.
  func end(warning warn: (String) -> Void = { _ in }) {
    if umount2(path.string, 0) != 0 {
      warn("\(path) is still in use (\(Errno(rawValue: errno))): it is unmounted when this command has ended")
      umount2(path.string, Int32(MNT_DETACH))
    }
    removeDirectories()
  }

  private func removeDirectories() {
    rmdir(path.string)
    rmdir(scratch.string)
  }
}
