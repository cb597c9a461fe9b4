import FoundationEssentials

/// The checksums in the signed index of an archive, an `InRelease`: of the lists of packages and the like.
///
/// Who signed it is not looked at. But what is read is what the signature covers (RFC 9580, section 7): a file with
/// anything before, after or between is not read at all.
public struct ReleaseChecksums: Sendable, Equatable {
  /// The SHA256 checksums by the path of the file, in the archive below the index.
  public let sha256: [String: String]

  /// Reads the text of an `InRelease`.
  ///
  /// - Returns: nil if it is not a signed text alone, with one section of such checksums.
  public init?(inRelease text: String) {
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
    guard signed.count(where: { $0.lowercased().hasPrefix("sha256:") }) == 1,
      let paragraph = ControlFile.paragraphs(in: signed.joined(separator: "\n").utf8, fields: ["SHA256"]).first
    else { return nil }
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

  private static func isHexadecimal(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
      || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte | 0x20)
  }
}
