import DebianFormats
import FoundationEssentials
import Glibc
import Grub
import Host
import SystemPackage

/// What is between a file system and its disks. GRUB has to get through all of it to read the kernels of a root: it does
/// for logical volumes that are linear, and for arrays of md; not for LUKS, below which it does not matter what there is.
struct Storage {
  /// Something that GRUB gets through.
  enum Layer: Hashable {
    /// A volume group, whose logical volume is linear.
    case volumeGroup(String)
    /// An array of md, of this level, with metadata of this version.
    case array(String, level: String, metadata: String)
  }

  /// A LUKS volume that is open.
  struct EncryptedVolume: Hashable {
    /// Its name in /dev/mapper.
    let name: String
    /// Its UUID.
    let uuid: String
  }

  /// The layers, from the file system to the disks, or to what is encrypted.
  private(set) var layers: [Layer] = []
  /// The LUKS volumes, of which GRUB reads nothing.
  private(set) var encrypted: [EncryptedVolume] = []
  private let system: FilePath

  /// Examines the devices of a file system.
  ///
  /// - Parameters:
  ///   - system: where sysfs is mounted.
  ///   - table: gives the table of a device by the name that the device mapper has for it.
  /// - Throws: `AstError`, refused if GRUB does not get through.
  init(
    of devices: [FilePath], in system: FilePath = "/sys", table: (String) throws -> String = Self.table
  ) throws {
    self.system = system
    for device in devices { try examine(Self.number(of: device), table) }
  }

  /// The modules that GRUB needs for the layers. It loads those of file systems by itself, but not these.
  var modules: [String] {
    layers.map { layer in
      switch layer {
      case .volumeGroup: "lvm"
      case .array(_, _, let metadata): metadata.hasPrefix("0.") ? "mdraid09" : "mdraid1x"
      }
    }.uniqued()
  }

  /// Has dmsetup(8) print a table.
  private static func table(of name: String) throws -> String {
    try ChildProcess("dmsetup", ["table", "--", name]).output()
  }

  /// The number of a device, as sysfs writes it.
  private static func number(of device: FilePath) throws -> String {
    var status = stat()
    guard stat(device.string, &status) == 0, status.st_mode & S_IFMT == S_IFBLK else {
      throw AdoptableSystem.refusal("\(device), which has the file system, is not a block device here")
    }
    // makedev(3) of the C library.
    let number = UInt64(status.st_rdev)
    let (major, minor) = (number >> 8 & 0xfff | number >> 32 & ~0xfff, number & 0xff | number >> 12 & ~0xff)
    return "\(major):\(UInt32(truncatingIfNeeded: minor))"
  }

  private mutating func examine(_ number: String, _ table: (String) throws -> String) throws {
    let link = system.appending("dev/block").appending(number)
    guard var place = Self.resolved(link) else {
      throw AdoptableSystem.refusal("\(link) is missing, so what the block device is on is unknown")
    }
    if Self.exists(place.appending("partition")) { place.removeLastComponent() }
    if let volume = try Self.encryptedVolume(of: place) {
      if !encrypted.contains(volume) { encrypted.append(volume) }
      return
    }
    if Self.exists(place.appending("dm")) {
      try add(.volumeGroup(volumeGroup(of: place, table)))
    } else if Self.exists(place.appending("md")) {
      try add(array(place))
    }
    let slaves = place.appending("slaves")
    guard Self.exists(slaves) else { return }
    for name in try Files.names(in: slaves).sorted() {
      try examine(try Self.line(slaves.appending(name).appending("dev")), table)
    }
  }

  private static func encryptedVolume(of place: FilePath) throws -> EncryptedVolume? {
    guard exists(place.appending("dm")) else { return nil }
    let uuid = DeviceMapper.luksVolume(ofDevice: try line(place.appending("dm/uuid")))
    return try uuid.map { EncryptedVolume(name: try line(place.appending("dm/name")), uuid: $0) }
  }

  private mutating func add(_ layer: Layer) {
    if !layers.contains(layer) { layers.append(layer) }
  }

  private func array(_ place: FilePath) throws -> Layer {
    let name = place.lastComponent?.string ?? ""
    let metadata = try Self.line(place.appending("md/metadata_version"))
    guard !metadata.hasPrefix("external"), metadata != "none" else {
      throw AdoptableSystem.refusal(
        "the root file system is on \(name), an array whose metadata GRUB cannot read (\(metadata))",
        hint: "arrays that `mdadm --create` makes with metadata 1.2 are supported")
    }
    return .array(name, level: try Self.line(place.appending("md/level")), metadata: metadata)
  }

  /// The volume group of a device of the device mapper, if that is a linear logical volume.
  private func volumeGroup(of place: FilePath, _ table: (String) throws -> String) throws -> String {
    let name = try Self.line(place.appending("dm/name"))
    let kind = try Self.line(place.appending("dm/uuid"))
    guard kind.hasPrefix("LVM-"), let group = DeviceMapper.volumeGroup(ofDevice: name) else {
      throw AdoptableSystem.refusal(
        "the root file system is on /dev/mapper/\(name), a device of the device mapper that GRUB does not know",
        hint: "partitions, linear logical volumes of LVM, arrays of md and LUKS are supported")
    }
    let targets = DeviceMapper.targets(in: try table(name))
    guard !targets.isEmpty, targets.allSatisfy({ $0 == "linear" }) else {
      throw AdoptableSystem.refusal(
        "the root file system is on /dev/mapper/\(name), a logical volume that is not linear "
          + "(\(targets.isEmpty ? "no table" : targets.uniqued().joined(separator: ", "))), which GRUB may not be able to read",
        hint: "linear logical volumes are supported; lvmraid(7) and lvmthin(7) say what the others are")
    }
    return group
  }

  private static func exists(_ path: FilePath) -> Bool { access(path.string, F_OK) == 0 }

  private static func resolved(_ link: FilePath) -> FilePath? {
    guard let path = realpath(link.string, nil) else { return nil }
    defer { free(path) }
    return FilePath(platformString: path)
  }

  private static func line(_ path: FilePath) throws -> String {
    try Files.text(of: path).split(separator: "\n").first.map(String.init) ?? ""
  }
}

extension Storage.Layer: CustomStringConvertible {
  /// The layer as a part of a sentence.
  var description: String {
    switch self {
    case .volumeGroup(let name): "the volume group \(name)"
    case .array(let name, let level, _): "the array \(name) (\(level))"
    }
  }
}

extension Array where Element: Hashable {
  /// The elements in their order, each of them once.
  func uniqued() -> [Element] {
    var seen: Set<Element> = []
    return filter { seen.insert($0).inserted }
  }
}
