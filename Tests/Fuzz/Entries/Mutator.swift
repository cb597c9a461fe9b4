import TestSupport

/// Makes new inputs from given ones. The same seed makes the same inputs.
public struct Mutator {
  private let inputs: [[UInt8]]
  private var random: SeededGenerator
  /// The most bytes of an input.
  private static let longest = 2048

  /// Begins with these inputs, of which there is at least one; the beginnings of long ones count.
  public init(of inputs: [[UInt8]], seed: UInt64) {
    self.inputs = inputs.map { Array($0.prefix(Self.longest)) }
    random = SeededGenerator(seed: seed)
  }

  /// An input with one to eight changes.
  public mutating func next() -> [UInt8] {
    var bytes = inputs.randomElement(using: &random) ?? []
    for _ in 0..<Int.random(in: 1...8, using: &random) { change(&bytes) }
    return Array(bytes.prefix(2 * Self.longest))
  }

  private mutating func change(_ bytes: inout [UInt8]) {
    let place = Int.random(in: 0...bytes.count, using: &random)
    let length = Int.random(in: 1...32, using: &random)
    let range = place..<min(place + length, bytes.count)
    switch Int.random(in: 0..<8, using: &random) {
    case 0: if place < bytes.count { bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random) }
    case 1: if place < bytes.count { bytes[place] = UInt8.random(in: 0...255, using: &random) }
    case 2: bytes.removeSubrange(range)
    case 3: bytes.insert(contentsOf: bytes[range], at: place)
    case 4: bytes.removeSubrange(place...)
    case 5:
      let other = inputs.randomElement(using: &random) ?? []
      let start = Int.random(in: 0...other.count, using: &random)
      bytes.insert(contentsOf: other[start..<min(start + 4 * length, other.count)], at: place)
    case 6:
      // A number becomes another one.
      guard let digit = bytes[place...].firstIndex(where: Self.isDigit) else { return }
      bytes.replaceSubrange(digit..<(bytes[digit...].firstIndex { !Self.isDigit($0) } ?? bytes.count), with: word())
    default: bytes.replaceSubrange(range, with: word())
    }
  }

  private mutating func word() -> [UInt8] { Array((Self.words.randomElement(using: &random) ?? "").utf8) }

  /// The ends of what numbers can be, and characters that end, quote, join or grow.
  private static let words = [
    "0", "-1", "+1", "00", "255", "65536", "2147483648", "4294967296", "9223372036854775807", "9223372036854775808",
    "-9223372036854775808", "18446744073709551616", "1e308", "1e400", "nan", "-inf", "0x", "1_", "\n", "\n\n", "\r\n",
    "\t", " ", "\0", "\u{85}", "\u{2028}", "\u{301}", "\u{df}", "\u{149}", "\u{feff}", "\u{202e}", "\u{10ffff}", "\"",
    "'", "\\", "\\u", "\"\"\"", "[", "]", "[[", "{", "}", ":", "::", "=", ",", "-", "~", "#", "%", "/", "/../", ".",
  ]

  private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
}
