import Foundation
import Glibc
import Host
@testable import Machines
import SystemPackage
import Testing

/// What `adopt` finds below a file system: /sys as Linux 6.12 has it for such devices. `Tests/Boot` has the real ones.
@Suite("What a root is on") struct StorageTests {
  /// A device in a made /sys: its number, its files, and the devices it is on.
  private struct Device {
    let name: String
    let number: String
    var files: [String: String] = [:]
    var below: [String] = []
  }

  private static let disk = Device(name: "sda", number: "8:0")
  private static let partition = Device(name: "sda/sda2", number: "8:2", files: ["partition": "2"])
  private static let second = Device(name: "sdb", number: "8:16")

  private static func mapped(_ name: String, _ kind: String, number: String = "254:0", below: [String]) -> Device {
    Device(
      name: "dm-\(number.split(separator: ":")[1])", number: number, files: ["dm/name": name, "dm/uuid": kind],
      below: below)
  }

  private static func array(_ level: String, _ metadata: String) -> Device {
    Device(
      name: "md0", number: "9:0", files: ["md/level": level, "md/metadata_version": metadata], below: ["8:2", "8:16"])
  }

  /// Makes a /sys with the devices, of which the first has the file system.
  private func storage(_ devices: [Device], table: String = "") throws -> Storage {
    let system = FilePath("/tmp/ast-storage-\(getpid())-\(UInt32.random(in: 0 ... .max))")
    defer { _ = try? FileManager.default.removeItem(atPath: system.string) }
    let node = system.appending("device")
    func make(_ directory: FilePath) throws {
      try FileManager.default.createDirectory(atPath: directory.string, withIntermediateDirectories: true)
    }
    try make(system.appending("dev/block"))
    for device in devices {
      let place = system.pushing(FilePath("devices/\(device.name)"))
      try make(place.appending("slaves"))
      for (file, text) in device.files.merging(["dev": device.number], uniquingKeysWith: { $1 }) {
        try make(place.pushing(FilePath(file)).removingLastComponent())
        try Files.write("\(text)\n".utf8, to: place.pushing(FilePath(file)))
      }
      try Files.makeLink(system.pushing(FilePath("dev/block/\(device.number)")), to: place.string)
      for number in device.below {
        let name = try #require(devices.first { $0.number == number }).name
        try Files.makeLink(
          place.pushing(FilePath("slaves/\(name.split(separator: "/").last ?? "")")), to: "\(system)/devices/\(name)")
      }
    }
    let parts = try #require(devices.first).number.split(separator: ":").compactMap { UInt32($0) }
    guard mknod(node.string, S_IFBLK | 0o600, dev_t(parts[0] << 8 | parts[1])) == 0 else {
      throw FileError("make", node, Errno(rawValue: errno))
    }
    return try Storage(of: [node], in: system) { _ in table }
  }

  @Test(.enabled(if: getuid() == 0)) func whatGRUBReadsIsNamedWithItsModules() throws {
    #expect(try storage([Self.partition, Self.disk]).layers == [])
    let volume = Self.mapped("my--vg-root", "LVM-abc", below: ["9:0"])
    let plain = Self.mapped("vg-root", "LVM-abc", below: ["8:2", "8:16"])
    let linear = "0 8 linear 8:2 2048\n8 8 linear 8:16 2048\n"
    let onDisks = try storage([plain, Self.partition, Self.disk, Self.second], table: linear)
    #expect(onDisks.layers == [.volumeGroup("vg")] && onDisks.modules == ["lvm"])
    let onArray = try storage(
      [volume, Self.array("raid1", "1.2"), Self.partition, Self.disk, Self.second], table: linear)
    #expect(onArray.layers == [.volumeGroup("my-vg"), .array("md0", level: "raid1", metadata: "1.2")])
    #expect(onArray.modules == ["lvm", "mdraid1x"])
    #expect(onArray.layers.map(\.description) == ["the volume group my-vg", "the array md0 (raid1)"])
    let old = try storage([Self.array("raid1", "0.90"), Self.partition, Self.disk, Self.second])
    #expect(old.modules == ["mdraid09"])
  }

  @Test(.enabled(if: getuid() == 0)) func whatIsBelowAnEncryptedVolumeDoesNotMatter() throws {
    let kind = "CRYPT-LUKS2-0123456789abcdef0123456789abcdef-sda2_crypt"
    let volume = Storage.EncryptedVolume(name: "sda2_crypt", uuid: "01234567-89ab-cdef-0123-456789abcdef")
    let plain = try storage([Self.mapped("sda2_crypt", kind, below: ["8:2"]), Self.partition, Self.disk])
    #expect(plain.encrypted == [volume] && plain.layers == [] && plain.modules == [])
    let logical = Self.mapped("vg-root", "LVM-1", below: ["254:1"])
    let encrypted = Self.mapped("sda2_crypt", kind, number: "254:1", below: ["9:0"])
    let external = Self.array("raid1", "external:/md127/0")
    let inside = try storage(
      [logical, encrypted, external, Self.partition, Self.disk, Self.second], table: "0 8 linear 254:1 2048\n")
    #expect(inside.encrypted == [volume] && inside.layers == [.volumeGroup("vg")])
  }

  /// The device of the root, the table of the device mapper, and the reason.
  private static let refused: [([Device], String, String)] = [
    (
      [mapped("swap", "CRYPT-PLAIN-swap", below: ["8:2"]), partition, disk], "0 8 crypt aes 0 8:2 0\n",
      "the root file system is on /dev/mapper/swap, a device of the device mapper that GRUB does not know"
    ),
    (
      [mapped("vg-root", "LVM-1", below: ["8:2"]), partition, disk], "0 8 thin 254:1 1\n",
      "the root file system is on /dev/mapper/vg-root, a logical volume that is not linear (thin)"
    ),
    (
      [mapped("vg-root", "LVM-1", below: ["8:2"]), partition, disk], "",
      "the root file system is on /dev/mapper/vg-root, a logical volume that is not linear (no table)"
    ),
    (
      [mapped("mpatha", "mpath-36", below: ["8:0"]), disk], "0 8 multipath 0\n",
      "the root file system is on /dev/mapper/mpatha, a device of the device mapper that GRUB does not know"
    ),
    (
      [array("raid1", "external:/md127/0"), partition, disk, second], "",
      "the root file system is on md0, an array whose metadata GRUB cannot read (external:/md127/0)"
    ),
  ]

  @Test(.enabled(if: getuid() == 0), arguments: refused.indices) func whatGRUBDoesNotReadIsRefused(row: Int) throws {
    let (devices, table, reason) = Self.refused[row]
    let error = #expect(throws: AstError.self) { _ = try storage(devices, table: table) }
    #expect(error?.code == .refused && error?.state == .unchanged && error?.hint != nil)
    #expect(error?.reason.hasPrefix(reason) == true, "\(error?.reason ?? "")")
  }
}
