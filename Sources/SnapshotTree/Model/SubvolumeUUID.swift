public import FoundationEssentials

/// The identity of a btrfs subvolume, wherever its file system is mounted.
public struct SubvolumeUUID: RawRepresentable, Hashable, Codable, Sendable, CustomStringConvertible {
  /// The UUID.
  public let rawValue: UUID

  /// The subvolume with this UUID.
  public init(rawValue: UUID) {
    self.rawValue = rawValue
  }

  /// The subvolume with this UUID.
  public init(_ uuid: UUID) {
    rawValue = uuid
  }

  /// Reads the usual form, 8-4-4-4-12 hexadecimal digits. A tree has many of them, and Foundation is slow at it and takes
  /// a sign for a digit, too.
  public init?(_ text: String) {
    var text = text
    let uuid: UUID? = text.withUTF8 { characters in
      guard characters.count == Self.length else { return nil }
      var bytes: uuid_t = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
      let isRead = withUnsafeMutableBytes(of: &bytes) { bytes in
        var place = 0
        for index in bytes.indices {
          if Self.hyphens.contains(place) {
            guard characters[place] == UInt8(ascii: "-") else { return false }
            place += 1
          }
          guard let high = Self.digit(characters[place]), let low = Self.digit(characters[place + 1]) else {
            return false
          }
          bytes[index] = high << 4 | low
          place += 2
        }
        return true
      }
      return isRead ? UUID(uuid: bytes) : nil
    }
    guard let uuid else { return nil }
    rawValue = uuid
  }

  /// The characters of the usual form, and the places of its hyphens among them.
  private static let length = 36
  private static let hyphens = [8, 13, 18, 23]
  private static let digits = Array("0123456789abcdef".utf8)

  private static func digit(_ character: UInt8) -> UInt8? {
    switch character {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): character - UInt8(ascii: "A") + 10
    default: nil
    }
  }

  /// The usual form, in lower case as btrfs-progs prints it.
  public var description: String {
    withUnsafeBytes(of: rawValue.uuid) { bytes in
      String(unsafeUninitializedCapacity: Self.length) { text in
        var place = 0
        for byte in bytes {
          if Self.hyphens.contains(place) {
            text[place] = UInt8(ascii: "-")
            place += 1
          }
          text[place] = Self.digits[Int(byte >> 4)]
          text[place + 1] = Self.digits[Int(byte & 15)]
          place += 2
        }
        return place
      }
    }
  }
}

extension SubvolumeUUID {
  /// Reads the usual form.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let subvolume = SubvolumeUUID(text) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "“\(text)” is not a UUID")
    }
    self = subvolume
  }

  /// Writes the usual form.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
