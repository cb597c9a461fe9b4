import Glibc
import Host
import SystemPackage

/// The top level of a btrfs, mounted while a command runs.
struct TemporaryMount {
  /// The mount point.
  let path: FilePath
  /// The directory around the mount point, for temporary files.
  let scratch: FilePath

  /// Mounts the file system on `device`.
  init(of device: FilePath) throws {
    var template = Array("/run/ast-bootstrap-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw AstError(.failed, "cannot make a directory in /run: \(Errno(rawValue: errno))")
    }
    scratch = FilePath(String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self))
    path = scratch.appending("top")
    guard mkdir(path.string, 0o700) == 0,
      mount(device.string, path.string, "btrfs", UInt(MS_NOATIME), "subvolid=5") == 0
    else {
      let error = Errno(rawValue: errno)
      removeDirectories()
      throw AstError(.failed, "cannot mount \(device): \(error)")
    }
  }

  /// Unmounts it.
  func end() {
    if umount2(path.string, 0) != 0 { umount2(path.string, Int32(MNT_DETACH)) }
    removeDirectories()
  }

  private func removeDirectories() {
    rmdir(path.string)
    rmdir(scratch.string)
  }
}
