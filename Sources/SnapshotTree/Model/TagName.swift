/// A tag: a letter from a to z, then letters, digits, dots and minus signs. Names of deployments (`d3`) and operations
/// (`t3`) are not tags, nor are numbers.
public struct TagName: Hashable, Comparable, Codable, Sendable, CustomStringConvertible {
  /// The most characters of a tag.
  public static let limit = 64

  /// The name.
  public let description: String

  /// Reads a tag; nil if the text is not one.
  public init?(_ text: some StringProtocol) {
    let bytes = Array(text.utf8)
    guard let first = bytes.first, bytes.count <= TagName.limit, TagName.letters.contains(first),
      bytes.allSatisfy({ TagName.letters.contains($0) || TagName.digits.contains($0) || $0 == 0x2D || $0 == 0x2E })
    else { return nil }
    let isNumbered = bytes.count > 1 && bytes.dropFirst().allSatisfy(TagName.digits.contains)
    guard !isNumbered || first != UInt8(ascii: "d") && first != UInt8(ascii: "t") else { return nil }
    description = String(text)
  }

  /// Decodes a tag, and refuses other text.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let name = TagName(try container.decode(String.self)) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "this is not a tag")
    }
    self = name
  }

  /// Encodes the name.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }

  /// The order of the alphabet.
  public static func < (left: TagName, right: TagName) -> Bool { left.description < right.description }

  private static let letters = UInt8(ascii: "a")...UInt8(ascii: "z")
  private static let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
}
