import FoundationEssentials

/// A package file that apt would fetch.
public struct PackageDownload: Sendable, Hashable {
  /// The address of the file.
  public let uri: String
  /// The name apt gives the file.
  public let fileName: String
  /// Its size in bytes.
  public let size: Int64
  /// Its checksum, as `algorithm:hexadecimal`.
  public let hash: String

  /// A file with these facts.
  public init(uri: String, fileName: String, size: Int64, hash: String) {
    self.uri = uri
    self.fileName = fileName
    self.size = size
    self.hash = hash
  }

  /// Whether it is on the node's own disk, where apt reads it.
  public var isInPlace: Bool { uri.hasPrefix("file:") }

  /// Its path on the node's own disk.
  public var path: String { URL(string: uri)?.path(percentEncoded: false) ?? "" }

  /// A name for the file that is unique to its content.
  public var key: String { hash.lowercased().replacing(":", with: "-") }
}

extension PackageDownload {
  /// Reads the output of `apt-get --print-uris` (apt-get(8)): a line for each file, with the quoted address, the name,
  /// the size and the checksum. Invalid lines are skipped.
  public static func printed(in text: String) -> [PackageDownload] {
    text.split(separator: "\n").compactMap { line in
      let fields = line.split(separator: " ").map(String.init)
      guard fields.count == 4, fields[0].count > 2, fields[0].hasPrefix("'"), fields[0].hasSuffix("'"),
        let size = Int64(fields[2]), sizes.contains(size), isChecksum(fields[3]), !fields[1].contains("/")
      else { return nil }
      return PackageDownload(
        uri: String(fields[0].dropFirst().dropLast()), fileName: fields[1], size: size, hash: fields[3])
    }
  }

  /// The sizes that are believed, in bytes: the apt that prints them is the node's own, and their sum must not overflow.
  private static let sizes: ClosedRange<Int64> = 0...1 << 40

  private static func isChecksum(_ text: String) -> Bool {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    return parts.count == 2 && parts.allSatisfy { !$0.isEmpty && $0.utf8.allSatisfy(isWordByte) }
  }

  private static func isWordByte(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
      || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }
}
