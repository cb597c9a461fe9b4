internal import TOMLKit

/// The values that a setting can have.
enum SettingKind {
  /// `true` or `false`.
  case flag
  /// A number of this range.
  case number(ClosedRange<Int>)
  /// An array of different numbers of this range.
  case numbers(ClosedRange<Int>)
  /// One of these words.
  case choice([String])
  /// A size, as text.
  case size
  /// A span of the day, as text.
  case window
  /// Where a mail goes, or no text.
  case address

  /// The value that stands in a file; nil where it is none of these.
  func value(_ found: TOMLValue) -> SettingValue? {
    switch self {
    case .flag: found.bool.map(SettingValue.flag)
    case .number(let range): found.int.flatMap { range.contains($0) ? .number($0) : nil }
    case .numbers(let range): found.array.flatMap { Self.numbers($0, in: range) }
    case .choice, .size, .window, .address: found.string.flatMap { isText($0) ? .text($0) : nil }
    }
  }

  /// What is said of a value that is none of these.
  var words: String {
    switch self {
    case .flag: "true or false"
    case .number(let range): "a number from \(range.lowerBound) to \(range.upperBound)"
    case .numbers(let range):
      "an array of different numbers from \(range.lowerBound) to \(range.upperBound), such as [1, 4]"
    case .choice(let words): "one of " + words.map { "\"\($0)\"" }.joined(separator: ", ")
    case .size: "a size, such as \"500M\" or \"2G\""
    case .window: "two different times, such as \"02:00-05:00\""
    case .address: "a user or an address of mail, such as \"root\", or \"\""
    }
  }

  private static func numbers(_ array: TOMLArray, in range: ClosedRange<Int>) -> SettingValue? {
    let numbers = array.compactMap(\.int)
    guard numbers.count == array.count, numbers.allSatisfy(range.contains), Set(numbers).count == numbers.count else {
      return nil
    }
    return .numbers(numbers)
  }

  private func isText(_ text: String) -> Bool {
    switch self {
    case .choice(let words): words.contains(text)
    case .size: ByteCount(text) != nil
    case .window: DayWindow(text) != nil
    // An argument and a header of the mail: nothing that means something there.
    case .address:
      !text.hasPrefix("-") && text.utf8.allSatisfy { $0 < 0x80 }
        && text.allSatisfy { $0.isLetter || $0.isNumber || "@._+-".contains($0) }
    case .flag, .number, .numbers: false
    }
  }
}
