import FoundationEssentials

/// The signed index of an archive, a file `InRelease`: when it was made, and the checksums of the lists of packages and
/// the like.
///
/// Who signed it is not looked at. But what is read is what the signature covers (RFC 9580, section 7): a file with
/// anything before, after or between is not read at all.
public struct InRelease: Sendable, Equatable {
  /// When it was made, in UTC, as year, month, day, hour, minute and second in fourteen digits.
  public let date: String
  /// The SHA256 checksums by the path of the file, in the archive below the index.
  public let sha256: [String: String]

  /// Reads the text of the file.
  ///
  /// - Returns: nil if it is not a signed text alone, with one date and one section of such checksums.
  public init?(_ text: String) {
    // To a signature, it makes no difference whether lines end with a carriage return, too.
    guard !text.utf8.contains(0x0d) else { return nil }
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false)[...]
    guard lines.popFirst() == "-----BEGIN PGP SIGNED MESSAGE-----" else { return nil }
    while let header = lines.popFirst(), !header.isEmpty {
      guard header.hasPrefix("Hash: ") else { return nil }
    }
    guard let end = lines.firstIndex(where: { $0.hasPrefix("-") }), lines[end] == "-----BEGIN PGP SIGNATURE-----",
      lines[end...].firstIndex(where: { $0 == "-----END PGP SIGNATURE-----" })
        == lines.lastIndex(where: { !$0.isEmpty })
    else { return nil }
    let signed = lines[..<end]
    let isOnce = { (name: String) in signed.count { $0.lowercased().hasPrefix(name) } == 1 }
    guard isOnce("date:"), isOnce("sha256:"),
      let paragraph = ControlFile.paragraphs(in: signed.joined(separator: "\n").utf8, fields: ["Date", "SHA256"]).first,
      let date = Self.digits(of: paragraph["Date", default: ""])
    else { return nil }
    self.date = date
    var found: [String: String] = [:]
    for line in paragraph["SHA256", default: ""].split(separator: "\n") {
      let fields = line.split(whereSeparator: \.isWhitespace).map(String.init)
      guard fields.count == 3, fields[0].utf8.count == 64, fields[0].utf8.allSatisfy(Self.isHexadecimal) else {
        return nil
      }
      let checksum = fields[0].lowercased()
      guard found.updateValue(checksum, forKey: fields[2]) ?? checksum == checksum else { return nil }
    }
    sha256 = found
  }

  /// The name that apt gives a file of the archive in its directory of lists, without what stands for the directory of
  /// the index (`URItoFileName` in apt-pkg/contrib/strutl.cc).
  public static func listName(of path: String) -> String {
    path.utf8.map { byte in
      let character = Character(Unicode.Scalar(byte))
      if character == "/" { return "_" }
      guard byte > 0x20, byte < 0x7f, !"\\|{}[]<>\"^~_=!@#$%&*".contains(character) else {
        return "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
      }
      return String(character)
    }.joined()
  }

  /// The digits of a date such as `Sat, 15 Nov 2025 09:37:41 UTC`.
  private static func digits(of date: String) -> String? {
    let words = date.split(whereSeparator: \.isWhitespace)
    guard words.count == 6, ["UTC", "GMT", "+0000", "Z"].contains(words[5]), let day = Int(words[1]),
      let year = Int(words[3]),
      let month = months.firstIndex(of: String(words[2]))
    else { return nil }
    let clock = words[4].split(separator: ":").compactMap { Int($0) }
    guard clock.count == 3, (0...9999).contains(year), ([day] + clock).allSatisfy({ (0...99).contains($0) }) else {
      return nil
    }
    let padded = ([month + 1, day] + clock).map { ($0 < 10 ? "0" : "") + "\($0)" }.joined()
    return String(repeating: "0", count: 4 - "\(year)".count) + "\(year)" + padded
  }

  private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

  private static func isHexadecimal(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
      || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte | 0x20)
  }
}
