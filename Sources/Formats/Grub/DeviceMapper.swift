/// What the device mapper says of its devices, which GRUB has to get through to a file system.
public enum DeviceMapper {
  /// The volume group of a logical volume with this name, in which a hyphen is doubled (lvm(8), "VALID NAMES"); nil if it
  /// is not the name of a logical volume.
  ///
  ///     DeviceMapper.volumeGroup(ofDevice: "my--group-root")  // "my-group"
  public static func volumeGroup(ofDevice name: String) -> String? {
    var group: [UInt8] = []
    var rest = Array(name.utf8)[...]
    let hyphen = UInt8(ascii: "-")
    while let byte = rest.popFirst() {
      guard byte == hyphen else {
        group.append(byte)
        continue
      }
      guard rest.first == hyphen else {
        return group.isEmpty || rest.isEmpty ? nil : String(decoding: group, as: UTF8.self)
      }
      rest = rest.dropFirst()
      group.append(hyphen)
    }
    return nil
  }

  /// The UUID of the LUKS volume that a device with this identity is the content of, as the device mapper has the identity
  /// from cryptsetup(8); nil if it is not that of one.
  ///
  ///     DeviceMapper.luksVolume(ofDevice: "CRYPT-LUKS2-0123456789abcdef0123456789abcdef-sda3_crypt")
  ///     // "01234567-89ab-cdef-0123-456789abcdef"
  public static func luksVolume(ofDevice identity: String) -> String? {
    let parts = identity.split(separator: "-", maxSplits: 3)
    guard parts.count == 4, parts[0] == "CRYPT", ["LUKS1", "LUKS2"].contains(parts[1]), parts[2].utf8.count == 32,
      parts[2].utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) })
    else { return nil }
    var digits = parts[2]
    let groups = [8, 4, 4, 4, 12].map { length in
      defer { digits = digits.dropFirst(length) }
      return digits.prefix(length)
    }
    return groups.joined(separator: "-")
  }

  /// The targets in a table, one for each line that dmsetup(8) prints: start, length, target, parameters. A line without
  /// these is an unknown target.
  public static func targets(in table: String) -> [String] {
    table.split(separator: "\n").map { line in
      let words = line.split(separator: " ")
      guard words.count > 3, UInt64(words[0]) != nil, UInt64(words[1]) != nil else { return "unknown" }
      return String(words[2])
    }
  }
}
