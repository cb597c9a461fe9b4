/// An entry of the firmware's boot menu, as the variable `Boot0001` has it (UEFI specification, 3.1.3 "Load Options").
public struct FirmwareEntry: Sendable, Equatable {
  /// Its name.
  public let title: String
  /// The program that it starts, in the firmware's spelling; nil if it does not name one.
  public let program: String?
  /// The partition with the program: its UUID in the partition table (GPT), in small letters.
  public let partition: String?

  /// The entry in a variable's value; nil if it is not one.
  public init?(_ value: [UInt8]) {
    guard value.count >= 6 else { return nil }
    let length = Int(value[4]) | Int(value[5]) << 8
    guard let (title, end) = Self.text(in: value[6...]), length <= value.endIndex - end else { return nil }
    self.title = title
    (program, partition) = Self.devices(in: value[end..<end + length])
  }

  /// UTF-16 up to a zero, and the place behind it.
  private static func text(in bytes: ArraySlice<UInt8>) -> (text: String, end: Int)? {
    var units: [UInt16] = []
    var place = bytes.startIndex
    while bytes.endIndex - place >= 2 {
      let unit = UInt16(bytes[place]) | UInt16(bytes[place + 1]) << 8
      place += 2
      if unit == 0 { return (String(decoding: units, as: UTF16.self), place) }
      units.append(unit)
    }
    return nil
  }

  /// The path of devices: each has a type, a kind and its length. A hard drive with a GPT has its partition's UUID, and
  /// a file its path.
  private static func devices(in path: ArraySlice<UInt8>) -> (program: String?, partition: String?) {
    var (program, partition): (String?, String?)
    var rest = path
    while rest.count >= 4 {
      let start = rest.startIndex
      let length = Int(rest[start + 2]) | Int(rest[start + 3]) << 8
      guard length >= 4, length <= rest.count else { break }
      let content = rest[(start + 4)..<(start + length)]
      switch (rest[start], rest[start + 1]) {
      case (4, 1) where content.count >= 38 && content[content.startIndex + 37] == 2:
        partition = uuid(content.dropFirst(20).prefix(16))
      case (4, 4): program = (program ?? "") + (text(in: content + [0, 0])?.text ?? "")
      default: break
      }
      rest = rest[(start + length)...]
    }
    return (program, partition)
  }

  /// The first three parts of a UUID are little-endian there.
  private static func uuid(_ bytes: ArraySlice<UInt8>) -> String {
    let all = Array(bytes)
    let ordered = [all[0..<4].reversed(), all[4..<6].reversed(), all[6..<8].reversed(), all[8..<10].map(\.self)]
    return (ordered + [Array(all[10...])]).map { part in part.map(hexadecimal).joined() }.joined(separator: "-")
  }

  private static func hexadecimal(_ byte: UInt8) -> String {
    let digits = String(byte, radix: 16)
    return byte < 16 ? "0\(digits)" : digits
  }
}
