import Btrfs
import CFiles
import Glibc
import Host
import SystemPackage

/// The file system that GRUB reads instead of the store. It is mounted for this object alone, wherever the machine mounts
/// it.
package final class BootVolume {
  /// What is recorded of it.
  package let record: BootVolumeRecord
  /// The device it is on.
  package let device: FilePath
  private let mount: FileDescriptor

  /// Mounts the boot volume of the store at `root`; nil if GRUB reads the store itself.
  ///
  /// - Throws: `AstError` if it cannot be found or mounted.
  package convenience init?(of root: FilePath) throws {
    guard let record = try BootVolumeRecord(in: root) else { return nil }
    try self.init(record)
  }

  private init(_ record: BootVolumeRecord) throws {
    self.record = record
    do {
      device = try DeviceName("UUID=\(record.fileSystem)").device()
    } catch let error as AstError where error.code == .failed {
      throw AstError(
        .notFound, "there is no file system with the UUID \(record.fileSystem), from which GRUB reads the kernels",
        state: .unchanged, hint: "\(BootVolumeRecord.path) in the store names it; blkid(8) lists what there is")
    }
    let result = device.withPlatformString { device in record.type.withCString { cfiles_mount(device, $0, 0) } }
    guard result >= 0 else {
      let reason = Errno(rawValue: -result)
      throw AstError(
        .failed, "cannot mount \(device), from which GRUB reads the kernels: \(reason)", state: .unchanged,
        hint: reason == .resourceBusy ? "it may be mounted read-only: see findmnt(8)" : nil)
    }
    mount = FileDescriptor(rawValue: result)
  }

  deinit { try? mount.close() }

  /// The top of its file system, valid in this process only.
  package var directory: FilePath { FilePath("/proc/self/fd/\(mount.rawValue)") }

  /// The directory of the boot loader on it.
  package var loader: FilePath { directory.pushing(BootVolumeRecord.loader) }

  /// A path on it as the machine sees it, for messages.
  package func name(of path: FilePath) -> String { name(in: path.string) }

  /// Makes a directory on it, and those above. On ext4 only root may enter it.
  func makeDirectory(_ path: FilePath) throws {
    var place = directory
    for component in path.components {
      place.append(component)
      try Files.ensureDirectory(place, mode: 0o700)
    }
  }

  /// Makes everything that was written durable, where a boot loader looks. FAT tells the disk to empty its cache only
  /// when a file is synced.
  func sync() throws {
    try FileSystem.sync(directory)
    try Files.sync(directory)
  }

  /// The units in which its space is given out, and the free ones, in bytes.
  package func space() throws -> (unit: Int64, free: Int64) {
    var status = statvfs()
    guard directory.withPlatformString({ statvfs($0, &status) }) == 0 else {
      throw FileError("examine", directory, Errno(rawValue: errno))
    }
    return (Int64(status.f_frsize), Int64(status.f_bavail) * Int64(status.f_frsize))
  }

  /// Does a step; an error names paths as the machine sees them.
  func naming<Result>(_ step: () throws -> Result) throws -> Result {
    do {
      return try step()
    } catch {
      let words = AstError(error)
      throw AstError(words.code, name(in: words.reason), state: words.state, hint: words.hint.map(name))
    }
  }

  private func name(in text: String) -> String { text.replacing(directory.string, with: record.mountPoint) }
}
