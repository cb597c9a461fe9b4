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
