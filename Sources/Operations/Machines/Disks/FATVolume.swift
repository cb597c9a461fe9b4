import FoundationEssentials
import Glibc
import Host
import SystemPackage

/// The number of a FAT file system, as mkfs.vfat(8) takes it and `UUID=` in fstab(5) names it.
struct VolumeID: Sendable, CustomStringConvertible {
  private let number = UInt32.random(in: 1...UInt32.max)

  /// Eight digits.
  var digits: String {
    let digits = String(number, radix: 16, uppercase: true)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }

  var description: String { "\(digits.prefix(4))-\(digits.suffix(4))" }
}

/// A FAT file system that is written without being mounted, with mtools(1): the kernel need not know it.
struct FATVolume {
  /// The device it is on.
  let device: FilePath
  /// A directory for temporary files.
  let scratch: FilePath

  /// Makes an empty file system.
  func make(_ id: VolumeID) throws {
    try ChildProcess("mkfs.vfat", ["-F", "32", "-n", "ESP", "-i", id.digits, "--", device.string]).run()
  }

  /// Makes directories, outer ones first.
  func makeDirectories(_ paths: [String]) throws {
    try ChildProcess("mmd", ["-i", device.string] + paths.map { "::/\($0)" }).run()
  }

  /// Copies what is in a directory of the host to one that is there.
  func copyContents(of directory: FilePath, to path: String) throws {
    let names = try Files.names(in: directory).sorted()
    try ChildProcess(
      "mcopy", ["-s", "-i", device.string] + names.map { directory.appending($0).string } + ["::/\(path)"]
    ).run()
  }

  /// Makes a file.
  func write(_ content: [UInt8], to path: String) throws {
    let temporary = scratch.appending("file")
    try Files.write(content, to: temporary)
    defer { unlink(temporary.string) }
    try ChildProcess("mcopy", ["-i", device.string, temporary.string, "::/\(path)"]).run()
  }
}
