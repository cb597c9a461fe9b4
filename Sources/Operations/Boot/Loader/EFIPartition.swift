import Btrfs
import CFiles
import Etc
import Glibc
import Host
import SystemPackage

/// An EFI system partition of the machine. It is mounted for this object alone, wherever it is mounted otherwise.
final class EFIPartition {
  /// Its line in /etc/fstab.
  let entry: Fstab.Entry
  /// The device it is on.
  let device: FilePath
  private let mount: FileDescriptor

  /// The top of its file system, valid in this process only.
  var directory: FilePath { FilePath("/proc/self/fd/\(mount.rawValue)") }

  /// The lines for such partitions: two that mirror each other are at `/boot/efi` and, for instance, at `/boot/efi2`.
  static func entries(in table: Fstab) -> [Fstab.Entry] {
    table.entries.filter { entry in
      let place = entry.mountPoint.string
      return place == "/boot/efi" || place.hasPrefix("/boot/efi") && entry.type == "vfat"
    }
  }

  /// Mounts a partition.
  ///
  /// - Throws: `AstError` if it cannot be found or mounted.
  init(_ entry: Fstab.Entry) throws {
    self.entry = entry
    device = try Self.device(of: entry)
    let type = entry.type == "auto" ? "vfat" : entry.type
    let result = device.withPlatformString { device in type.withCString { cfiles_mount(device, $0, 0) } }
    guard result >= 0 else {
      let reason = Errno(rawValue: -result)
      throw AstError(
        .failed, "cannot mount \(device), the EFI system partition for \(entry.mountPoint): \(reason)",
        state: .unchanged,
        hint: reason == .resourceBusy ? "it may be mounted read-only: see findmnt(8)" : nil)
    }
    mount = FileDescriptor(rawValue: result)
  }

  deinit { try? mount.close() }

  private static func device(of entry: Fstab.Entry) throws -> FilePath {
    guard !entry.source.hasPrefix("/") else { return FilePath(entry.source) }
    do {
      return try DeviceName(entry.source).device()
    } catch let error as AstError where error.code == .failed {
      throw AstError(
        .notFound, "there is no file system \(entry.source), which /etc/fstab has at \(entry.mountPoint)",
        state: .unchanged)
    }
  }

  /// The content of a file, at most as much as the largest program has; nil if there is none.
  func contents(of place: FilePath) throws -> [UInt8]? {
    try RootDirectory(directory).beginning(of: place, count: LoaderChain.largestProgram).map { Array($0) }
  }

  /// The names in a directory, sorted; none if it does not exist.
  func names(in place: FilePath) throws -> [String] {
    do {
      return try Files.names(in: directory.pushing(place)).sorted()
    } catch let error as FileError where error.errno == .noSuchFileOrDirectory {
      return []
    }
  }

  /// The size of its file system, and how much of it is free, in bytes.
  func space() throws -> (size: Int64, free: Int64) {
    var status = statvfs()
    guard directory.withPlatformString({ statvfs($0, &status) }) == 0 else {
      throw FileError("examine", directory, Errno(rawValue: errno))
    }
    let unit = Int64(status.f_frsize)
    return (Int64(status.f_blocks) * unit, Int64(status.f_bavail) * unit)
  }

  /// The disk it is on and its number there; nil if it is not a partition.
  func partition() throws -> (disk: FilePath, number: Int)? {
    let name = device.lastComponent?.string ?? ""
    var resolved = [CChar](repeating: 0, count: Int(PATH_MAX))
    guard realpath("/sys/class/block/\(name)", &resolved) != nil else { return nil }
    let place = FilePath(platformString: resolved)
    guard let text = try RootDirectory(place).beginning(of: "/partition", count: 16),
      let number = Int(String(decoding: text, as: UTF8.self).filter(\.isNumber)),
      let disk = place.removingLastComponent().lastComponent
    else { return nil }
    return (FilePath("/dev").appending(disk), number)
  }
}
