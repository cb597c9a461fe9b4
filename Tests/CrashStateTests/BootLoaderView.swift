import SystemPackage
import TestSupport

/// The view of GRUB of a disk whose file system is mounted: GRUB reads the device, and does not replay the log.
struct BootLoaderView {
  private let disk: String

  /// The view of the file system mounted at `mountPoint`, as it is now.
  init(of mountPoint: FilePath) throws {
    try runSuccessfully(["sync", "--file-system", mountPoint.string])
    let device = try runSuccessfully(["findmnt", "-no", "SOURCE", mountPoint.string])
    disk = String(device.prefix { $0 != "[" && $0 != "\n" })
    // The device's cache may be out of date, because the file system writes past it.
    try runSuccessfully(["blockdev", "--flushbufs", disk])
  }

  /// The content of the file; nil if GRUB cannot read it.
  func contents(of path: String) throws -> String? {
    let result = try run(["grub-fstest", disk, "cat", path])
    return result.status == 0 ? result.stdout : nil
  }

  /// The content of the script; nil if GRUB cannot read it, or it is not valid.
  func script(at path: String) throws -> String? {
    guard let text = try contents(of: path), try run(["grub-script-check"], input: text).status == 0 else { return nil }
    return text
  }
}
