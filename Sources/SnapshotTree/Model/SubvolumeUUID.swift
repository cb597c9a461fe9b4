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

  /// Reads the usual form, 8-4-4-4-12 hexadecimal digits.
  public init?(_ text: String) {
    // Foundation takes a sign for a digit, too.
    guard let uuid = UUID(uuidString: text), uuid.uuidString == text.uppercased() else { return nil }
    rawValue = uuid
  }

  /// The usual form, in lower case as btrfs-progs prints it.
  public var description: String { rawValue.uuidString.lowercased() }
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
