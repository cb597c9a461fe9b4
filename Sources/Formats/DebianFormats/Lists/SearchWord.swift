/// A word that is searched for in the bytes of a list. Case is ignored in letters from A to Z.
public struct SearchWord: Sendable {
  private let bytes: [UInt8]
  /// For a letter, the bit in which its two cases differ.
  private let masks: [UInt8]

  /// A word; nil if it is empty.
  public init?(_ word: String) {
    guard !word.isEmpty else { return nil }
    let isLetter: (UInt8) -> Bool = { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0 | Self.bit) && $0 < 0x80 }
    bytes = word.utf8.map { isLetter($0) ? $0 | Self.bit : $0 }
    masks = word.utf8.map { isLetter($0) ? Self.bit : 0 }
  }

  /// Whether the word is in the text.
  public func isIn(_ text: UnsafeRawBufferPointer) -> Bool {
    let last = text.count - bytes.count
    guard last >= 0 else { return false }
    return bytes.withUnsafeBufferPointer { bytes in
      masks.withUnsafeBufferPointer { masks in
        let (first, mask) = (bytes[0], masks[0])
        for start in 0...last where text[start] | mask == first {
          var index = 1
          while index < bytes.count, text[start + index] | masks[index] == bytes[index] { index += 1 }
          if index == bytes.count { return true }
        }
        return false
      }
    }
  }

  private static let bit: UInt8 = 0x20
}
