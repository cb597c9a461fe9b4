/// The fields of a line, between colons.
struct AccountFields: Hashable {
  let name: String
  private var bytes: [[UInt8]]

  /// Nil for a line whose first field is not a name. Like glibc (nss/nss_files/files-parse.c), skips blanks before it.
  init?(_ line: [UInt8]) {
    bytes = line.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false).map(Array.init)
    let blanks = [UInt8(ascii: " "), UInt8(ascii: "\t")]
    let first = bytes[0].drop { blanks.contains($0) }
    guard let start = first.first, !"+-#".utf8.contains(start), first.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }),
      let name = String(validating: first, as: UTF8.self)
    else { return nil }
    self.name = name
  }

  var line: [UInt8] { Array(bytes.joined(separator: [UInt8(ascii: ":")])) }

  var count: Int { bytes.count }

  /// The number in a field, in plain decimal.
  func number(_ index: Int) -> UInt32? {
    guard bytes.indices.contains(index), bytes[index].allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    return UInt32(String(decoding: bytes[index], as: UTF8.self))
  }

  /// The bytes of a field; empty if the line is shorter. The name cannot be set.
  subscript(index: Int) -> [UInt8] {
    get { bytes.indices.contains(index) ? bytes[index] : [] }
    set {
      guard index > 0, self[index] != newValue else { return }
      while bytes.count <= index { bytes.append([]) }
      bytes[index] = newValue
    }
  }

  mutating func set(_ index: Int, to number: UInt32) {
    guard self.number(index) != number else { return }
    bytes[index] = Array(String(number).utf8)
  }
}
