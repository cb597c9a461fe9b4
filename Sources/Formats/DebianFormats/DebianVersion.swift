/// A version of a Debian package, ordered as dpkg orders versions (Debian policy 5.6.12; deb-version(7)).
public struct DebianVersion: Sendable, Hashable, Comparable, CustomStringConvertible {
  /// The version as it is written.
  public let description: String

  /// A version as it is written. Any text can be compared, whether or not dpkg would accept it.
  public init(_ text: String) { description = text }

  /// Whether dpkg takes `left` for the older version.
  public static func < (left: DebianVersion, right: DebianVersion) -> Bool { left.order(right) < 0 }

  /// Whether dpkg takes them for the same version, such as `1.0` and `0:1.0-0`.
  public static func == (left: DebianVersion, right: DebianVersion) -> Bool { left.order(right) == 0 }

  /// Equal versions can be written differently, so only parts that cannot differ are hashed.
  public func hash(into hasher: inout Hasher) { hasher.combine(epoch) }

  /// A number from 0 (deb-version(7)). dpkg does not read a version with another epoch.
  private var epoch: Int {
    guard let colon = description.utf8.firstIndex(of: UInt8(ascii: ":")) else { return 0 }
    return UInt32(description[..<colon]).map(Int.init) ?? 0
  }

  /// The upstream version, between the epoch and the last hyphen, and the Debian revision behind it.
  private var parts: (upstream: Substring.UTF8View, revision: Substring.UTF8View) {
    let text = description.utf8
    let start = text.firstIndex(of: UInt8(ascii: ":")).map(text.index(after:)) ?? text.startIndex
    guard let hyphen = text[start...].lastIndex(of: UInt8(ascii: "-")) else {
      return (text[start...], text[text.endIndex...])
    }
    return (text[start..<hyphen], text[text.index(after: hyphen)...])
  }

  private func order(_ other: DebianVersion) -> Int {
    guard epoch == other.epoch else { return epoch - other.epoch }
    let upstream = compare(parts.upstream, other.parts.upstream)
    return upstream != 0 ? upstream : compare(parts.revision, other.parts.revision)
  }
}

/// Compares runs of non-digits and runs of digits in turn. Among non-digits `~` comes before the end, the end before
/// letters, letters before everything else; digits are numbers of any length.
private func compare(_ left: Substring.UTF8View, _ right: Substring.UTF8View) -> Int {
  var (left, right) = (left, right)
  while !left.isEmpty || !right.isEmpty {
    while left.first.map({ !$0.isDigit }) ?? false || right.first.map({ !$0.isDigit }) ?? false {
      let difference = weight(left.first) - weight(right.first)
      guard difference == 0 else { return difference }
      left = left.dropFirst()
      right = right.dropFirst()
    }
    let (leftNumber, rightNumber) = (left.prefix(while: \.isDigit), right.prefix(while: \.isDigit))
    let (leftDigits, rightDigits) = (leftNumber.drop { $0 == zero }, rightNumber.drop { $0 == zero })
    guard leftDigits.count == rightDigits.count else { return leftDigits.count - rightDigits.count }
    for (a, b) in zip(leftDigits, rightDigits) where a != b { return Int(a) - Int(b) }
    left = left[leftNumber.endIndex...]
    right = right[rightNumber.endIndex...]
  }
  return 0
}

private let zero = UInt8(ascii: "0")

private func weight(_ byte: UInt8?) -> Int {
  guard let byte, !byte.isDigit else { return 0 }
  if byte == UInt8(ascii: "~") { return -1 }
  return (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) ? Int(byte) : Int(byte) + 256
}

extension UInt8 {
  fileprivate var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }
}
