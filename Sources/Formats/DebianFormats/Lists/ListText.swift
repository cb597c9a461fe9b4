import Glibc

/// The text of a list of packages or of their descriptions, as apt keeps it (`…_Packages`, `…_Translation-en`; deb822(5)).
///
/// The lists of a release have a hundred megabytes, so nothing in them becomes a string that is not wanted. Names of
/// fields are written as in Debian's own lists.
public struct ListText {
  /// An entry: the places of its values in the text, which are empty for fields that it does not have.
  public struct Entry {
    /// Where the entry begins in the text.
    public fileprivate(set) var start = 0
    /// The value of `Package`.
    public fileprivate(set) var package = 0..<0
    /// The value of `Version`.
    public fileprivate(set) var version = 0..<0
    /// The value of `Description` or `Description-en`, with all its lines.
    public fileprivate(set) var description = 0..<0
    /// The value of `Description-md5`, by which a description in another list is found.
    public fileprivate(set) var digest = 0..<0
  }

  /// The bytes of the list, or of a part of it that begins and ends with whole entries.
  public let bytes: UnsafeRawBufferPointer

  /// A list with these bytes, which must be there as long as it is used.
  public init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// The bytes of a value.
  public subscript(range: Range<Int>) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: bytes[range]) }

  /// A value as text.
  public func string(_ range: Range<Int>) -> String { String(decoding: self[range], as: UTF8.self) }

  /// The first line of a value as text.
  public func firstLine(_ range: Range<Int>) -> String {
    String(decoding: self[range].prefix { $0 != Self.newline }, as: UTF8.self)
  }

  /// The end of the last entry that is followed by an empty line; 0 if there is none.
  public static func endOfWholeEntries(in bytes: UnsafeRawBufferPointer) -> Int {
    var end = bytes.count
    while end > 1 {
      if bytes[end - 1] == newline, bytes[end - 2] == newline { return end }
      end -= 1
    }
    return 0
  }

  /// The end of the first entry, if an empty line follows it.
  public var endOfFirstEntry: Int? {
    var start = 0
    while start < bytes.count {
      let end = endOfLine(from: start)
      guard end > start else { return start }
      start = end + 1
    }
    return nil
  }

  /// Calls `body` with each entry that names a package.
  public func forEachEntry(_ body: (Entry) throws -> Void) rethrows {
    var entry = Entry()
    var isInDescription = false
    var start = 0
    while start < bytes.count {
      let end = endOfLine(from: start)
      defer { start = end + 1 }
      guard end > start else {
        if !entry.package.isEmpty { try body(entry) }
        (entry, isInDescription) = (Entry(), false)
        entry.start = end + 1
        continue
      }
      switch bytes[start] {
      case UInt8(ascii: " "), UInt8(ascii: "\t"):
        if isInDescription { entry.description = entry.description.lowerBound..<end }
        continue
      case UInt8(ascii: "P"):
        if let value = value(of: Self.package, start, end) { entry.package = value }
      case UInt8(ascii: "V"):
        if let value = value(of: Self.version, start, end) { entry.version = value }
      case UInt8(ascii: "D"):
        if let value = value(of: Self.digest, start, end) {
          entry.digest = value
        } else if let value = description(start, end) {
          (entry.description, isInDescription) = (value, true)
          continue
        }
      default: break
      }
      isInDescription = false
    }
    if !entry.package.isEmpty { try body(entry) }
  }

  /// The places of the entries that have this line, such as `Package: bash`.
  public func entries(withLine line: String) -> [Range<Int>] {
    let line = Array(line.utf8)
    guard let base = bytes.baseAddress, !line.isEmpty else { return [] }
    var found: [Range<Int>] = []
    var start = 0
    while start < bytes.count {
      let end = endOfLine(from: start)
      if end - start == line.count, memcmp(base + start, line, line.count) == 0 {
        let entry = entry(around: start)
        found.append(entry)
        start = entry.upperBound
      }
      start = max(start, end) + 1
    }
    return found
  }

  /// The lines around a place, up to empty ones.
  private func entry(around place: Int) -> Range<Int> {
    var start = place
    while start > 0, start < 2 || bytes[start - 1] != Self.newline || bytes[start - 2] != Self.newline { start -= 1 }
    var end = endOfLine(from: place)
    while end + 1 < bytes.count, bytes[end + 1] != Self.newline { end = endOfLine(from: end + 1) }
    return start..<min(end, bytes.count)
  }

  private func endOfLine(from start: Int) -> Int {
    guard let base = bytes.baseAddress,
      let newline = memchr(base + start, Int32(Self.newline), bytes.count - start)
    else { return bytes.count }
    return UnsafeRawPointer(newline) - base
  }

  private func value(of field: StaticString, _ start: Int, _ end: Int) -> Range<Int>? {
    let length = field.utf8CodeUnitCount
    guard end - start >= length, let base = bytes.baseAddress, memcmp(base + start, field.utf8Start, length) == 0
    else { return nil }
    return start + length..<end
  }

  /// `Description: …`, `Description-en: …`
  private func description(_ start: Int, _ end: Int) -> Range<Int>? {
    guard let rest = value(of: "Description", start, end), !rest.isEmpty else { return nil }
    var place = rest.lowerBound
    if bytes[place] == UInt8(ascii: "-") { while place < end, bytes[place] != UInt8(ascii: ":") { place += 1 } }
    guard place < end, bytes[place] == UInt8(ascii: ":") else { return nil }
    place += 1
    while place < end, bytes[place] == UInt8(ascii: " ") { place += 1 }
    return place..<end
  }

  private static let newline = UInt8(ascii: "\n")
  private static let package: StaticString = "Package: "
  private static let version: StaticString = "Version: "
  private static let digest: StaticString = "Description-md5: "
}
