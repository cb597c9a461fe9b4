import FoundationEssentials

/// A package file that apt would fetch.
public struct PackageDownload: Sendable, Hashable {
  /// The address of the file.
  public let uri: String
  /// The name apt gives the file.
  public let fileName: String
  /// Its size in bytes.
  public let size: Int64
  /// Its checksum, as `algorithm:hexadecimal`; empty if the index has none of the algorithm that apt was asked for.
  public let hash: String

  /// A file with these facts.
  public init(uri: String, fileName: String, size: Int64, hash: String) {
    self.uri = uri
    self.fileName = fileName
    self.size = size
    self.hash = hash
  }

  /// Whether it is on the node's own disk, where apt reads it.
  public var isInPlace: Bool { Self.inPlace.contains { uri.hasPrefix($0) } }

  /// Its path on the node's own disk, as apt reads it: what is not an escape stays (`DeQuoteString` in
  /// apt-pkg/contrib/strutl.cc).
  public var path: String {
    var address = uri.drop { $0 != ":" }.dropFirst()
    if address.hasPrefix("//") { address = address.dropFirst(2).drop { $0 != "/" } }
    var bytes: [UInt8] = []
    var rest = Array(address.utf8)[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%"), let code = Self.byte(rest.prefix(2)) {
        bytes.append(code)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func byte(_ digits: ArraySlice<UInt8>) -> UInt8? {
    guard digits.count == 2, digits.allSatisfy(isHexadecimal) else { return nil }
    return UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
  }

  private static func isHexadecimal(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
      || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte | 0x20)
  }

  /// The package in it, by the name of the file: apt writes a colon in a version as `%3a`. Nil for another kind of name.
  public var package: (name: String, version: String, architecture: String)? {
    let parts = fileName.split(separator: "_", omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 3, parts[2].hasSuffix(".deb") else { return nil }
    return (parts[0], parts[1].replacing("%3a", with: ":"), String(parts[2].dropLast(4)))
  }

  /// The methods for files on this machine (file and copy in apt-transport(1)).
  private static let inPlace = ["file:", "copy:"]

  /// The checksum without its algorithm.
  public var checksum: Substring { hash.drop { $0 != ":" }.dropFirst() }

  /// The program of coreutils that compares the checksum; nil for an algorithm that proves nothing.
  public var checksumProgram: String? {
    ["SHA256:": "sha256sum", "SHA512:": "sha512sum"].first { hash.hasPrefix($0.key) }?.value
  }

  /// A name for the file that is unique to its content.
  public var key: String { hash.lowercased().replacing(":", with: "-") }
}

extension PackageDownload {
  /// Reads the output of `apt-get --print-uris` (apt-get(8)): a line for each file, with the quoted address, the name,
  /// the size and the checksum. An address can have spaces in it. Invalid lines are skipped.
  public static func printed(in text: String) -> [PackageDownload] {
    text.split(separator: "\n").compactMap { line in
      guard line.hasPrefix("'"), let end = line.ranges(of: "' ").last else { return nil }
      let uri = line[line.index(after: line.startIndex)..<max(end.lowerBound, line.index(after: line.startIndex))]
      let fields = line[end.upperBound...].split(separator: " ", omittingEmptySubsequences: false).map(String.init)
      guard !uri.isEmpty, fields.count == 3, !fields[0].isEmpty, !fields[0].contains("/"),
        let size = Int64(fields[1]), sizes.contains(size), fields[2].isEmpty || isChecksum(fields[2])
      else { return nil }
      return PackageDownload(uri: String(uri), fileName: fields[0], size: size, hash: fields[2])
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
