import Glibc

/// The answer to a question, in English or in the words of the user's locale.
///
/// Only the answer has a locale. ast itself speaks English, and stays in the C locale: what it reads and writes must not
/// depend on who runs it.
enum Answer: Equatable {
  case yes
  case no
  /// The user only pressed Enter.
  case empty
  /// The words mean neither yes nor no.
  case unclear

  /// Reads a line from standard input; nil at its end.
  static func read() -> Answer? { line().map(Answer.init) }

  /// What a line means. English words are known everywhere, and come first.
  init(_ line: [UInt8]) {
    switch String(decoding: line, as: UTF8.self).lowercased() {
    case "": self = .empty
    case "y", "yes": self = .yes
    case "n", "no": self = .no
    default: self = Self.inLocale(line)
    }
  }

  /// What a line means in the locale that the environment names for messages. If that locale is not installed, or is the
  /// C locale, no other words than the English ones are known.
  private static func inLocale(_ line: [UInt8]) -> Answer {
    // Text in the locale's own character set is understood, too.
    guard let locale = newlocale(1 << LC_MESSAGES | 1 << LC_CTYPE, "", nil) else { return .unclear }
    defer { freelocale(locale) }
    guard let affirmative = nl_langinfo_l(yesExpression, locale), String(cString: affirmative) != "^[yY]" else {
      return .unclear
    }
    let before = uselocale(locale)
    defer { uselocale(before) }
    return switch rpmatch(line.map(CChar.init(bitPattern:)) + [0]) {
    case 1: .yes
    case 0: .no
    default: .unclear
    }
  }

  /// `YESEXPR` of <langinfo.h>, which is the first item of its category, and which Swift does not see.
  private static let yesExpression = nl_item(LC_MESSAGES << 16)

  /// A line without its newline; nil at the end of the input. Its bytes need not be UTF-8.
  private static func line() -> [UInt8]? {
    var line: [UInt8] = []
    var byte: UInt8 = 0
    while Glibc.read(STDIN_FILENO, &byte, 1) == 1 {
      if byte == UInt8(ascii: "\n") { return line }
      line.append(byte)
    }
    return line.isEmpty ? nil : line
  }
}
