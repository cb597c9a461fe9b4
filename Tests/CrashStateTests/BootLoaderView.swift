import SystemPackage
import TestSupport

/// What GRUB finds on a disk whose file system is mounted: it reads the device, and does not replay the log.
struct BootLoaderView {
  private let disk: String

  /// Of the file system mounted at `mountPoint`, as it is now.
  init(of mountPoint: FilePath) throws {
    try runSuccessfully(["sync", "--file-system", mountPoint.string])
    let device = try runSuccessfully(["findmnt", "-no", "SOURCE", mountPoint.string])
    disk = String(device.prefix { $0 != "[" && $0 != "\n" })
    // What was read of the device before may be old by now: the file system writes past its cache.
    try runSuccessfully(["blockdev", "--flushbufs", disk])
  }

  /// What is in the file; nil where GRUB cannot read it.
  func contents(of path: String) throws -> String? {
    let result = try run(["grub-fstest", disk, "cat", path])
    return result.status == 0 ? result.stdout : nil
  }

  /// What is in the script; nil where GRUB cannot read it, or it makes no sense.
  func script(at path: String) throws -> String? {
    guard let text = try contents(of: path), try run(["grub-script-check"], input: text).status == 0 else { return nil }
    return text
  }
}
