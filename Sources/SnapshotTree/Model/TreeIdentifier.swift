/// A number that names an object in the tree. It is written in decimal, without sign, spaces or leading zeros.
public protocol TreeIdentifier: RawRepresentable<Int>, Hashable, Comparable, Codable, Sendable, CustomStringConvertible
{
  /// The identifier with this number.
  init(rawValue: Int)
}

extension TreeIdentifier {
  /// The identifier with this number.
  public init(_ rawValue: Int) {
    self.init(rawValue: rawValue)
  }

  /// Reads user input or a file name: `0`, or digits that do not begin with 0, at most `Int32.max`.
  public init?(_ text: some StringProtocol) {
    let digits = text.utf8
    guard let first = digits.first, digits.count <= 10, digits.count == 1 || first != UInt8(ascii: "0") else {
      return nil
    }
    var number = 0
    for digit in digits {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
      number = number * 10 + Int(digit - UInt8(ascii: "0"))
    }
    guard number <= Int(Int32.max) else { return nil }
    self.init(rawValue: number)
  }

  /// Decodes a number from 0 to `Int32.max`. A record file can have any number in it, and one beyond would be an overflow
  /// where the next one is computed.
  public init(from decoder: any Decoder) throws {
    let number = try decoder.singleValueContainer().decode(Int.self)
    guard (0...Int(Int32.max)).contains(number) else {
      throw DecodingError.dataCorrupted(
        DecodingError.Context(
          codingPath: decoder.codingPath, debugDescription: "\(number) is not a number of a \(Self.self)"))
    }
    self.init(rawValue: number)
  }

  /// Encodes the number.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(rawValue)
  }

  /// The decimal number.
  public var description: String { String(rawValue) }

  /// The order of the numbers, which is the order of creation.
  public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}
