/// The possible values of a setting.
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
  /// A number of processes of this range, or "infinity".
  case tasks(ClosedRange<Int>)
  /// An amount of memory, as text.
  case memory
  /// A span of the day, as text.
  case window
  /// A mail address, or an empty text.
  case address
  /// An array of different arguments of the kernel.
  case kernelArguments
  /// An array of different names of hooks.
  case hooks

  /// A value as one of this kind: an empty array can be of any kind.
  func reading(_ value: SettingValue) -> SettingValue {
    switch (self, value) {
    case (.kernelArguments, .numbers([])), (.hooks, .numbers([])): .words([])
    default: value
    }
  }

  /// Whether a value is of this kind.
  func accepts(_ value: SettingValue) -> Bool {
    switch (self, value) {
    case (.flag, .flag): true
    case (.number(let range), .number(let number)): range.contains(number)
    case (.numbers(let range), .numbers(let numbers)):
      numbers.allSatisfy(range.contains) && Set(numbers).count == numbers.count
    case (.choice(let words), .text(let text)): words.contains(text)
    case (.size, .text(let text)): ByteCount(text) != nil
    case (.tasks(let range), .number(let number)): range.contains(number)
    case (.tasks, .text(let text)): text == LimitSettings.infinity
    case (.memory, .text(let text)): LimitSettings.Memory(text) != nil
    case (.window, .text(let text)): DayWindow(text) != nil
    case (.address, .text(let text)): Self.isAddress(text)
    case (.kernelArguments, .words(let words)), (.hooks, .words(let words)): Set(words).count == words.count
    default: false
    }
  }

  /// The objection to a value that contains forbidden words; nil if it contains none.
  func objection(to value: SettingValue) -> String? {
    guard case .words(let words) = value else { return nil }
    for word in words {
      if let reason = reason(against: word) { return "cannot have \"\(word)\": \(reason)" }
    }
    return nil
  }

  private func reason(against word: String) -> String? {
    switch self {
    case .kernelArguments: KernelArgument.objection(to: word)
    case .hooks where !HookName.isValid(word): "the name of a hook has letters, digits, \"_\" and \"-\" only"
    default: nil
    }
  }

  /// The description of this kind in an error about another value.
  var words: String {
    switch self {
    case .flag: "true or false"
    case .number(let range): "a number from \(range.lowerBound) to \(range.upperBound)"
    case .numbers(let range):
      "an array of different numbers from \(range.lowerBound) to \(range.upperBound), such as [1, 4]"
    case .choice(let words): "one of " + words.map { "\"\($0)\"" }.joined(separator: ", ")
    case .size: "a size, such as \"500M\" or \"2G\""
    case .tasks(let range): "a number from \(range.lowerBound) to \(range.upperBound), or \"infinity\""
    case .memory: "a percentage, such as \"80%\", a size from \"64M\" on, such as \"4G\", or \"infinity\""
    case .window: "two different times, such as \"02:00-05:00\""
    case .address: "a user or an address of mail, such as \"root\", or \"\""
    case .kernelArguments: "an array of different words, such as [\"quiet\", \"console=ttyS0,115200\"]"
    case .hooks: "an array of different names, such as [\"keep-ssh\"]"
    }
  }

  /// Excludes characters with a meaning in an argument or a mail header.
  private static func isAddress(_ text: String) -> Bool {
    !text.hasPrefix("-") && text.utf8.allSatisfy { $0 < 0x80 }
      && text.allSatisfy { $0.isLetter || $0.isNumber || "@._+-".contains($0) }
  }
}
