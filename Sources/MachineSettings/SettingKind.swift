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

  /// Whether a value is one of them.
  func accepts(_ value: SettingValue) -> Bool {
    switch (self, value) {
    case (.flag, .flag): true
    case (.number(let range), .number(let number)): range.contains(number)
    case (.numbers(let range), .numbers(let numbers)):
      numbers.allSatisfy(range.contains) && Set(numbers).count == numbers.count
    case (.choice(let words), .text(let text)): words.contains(text)
    case (.size, .text(let text)): ByteCount(text) != nil
    case (.window, .text(let text)): DayWindow(text) != nil
    case (.address, .text(let text)): Self.isAddress(text)
    default: false
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

  /// Nothing that means something in an argument or a header of the mail.
  private static func isAddress(_ text: String) -> Bool {
    !text.hasPrefix("-") && text.utf8.allSatisfy { $0 < 0x80 }
      && text.allSatisfy { $0.isLetter || $0.isNumber || "@._+-".contains($0) }
  }
}
