/// The form of dates and times (RFC 3339). No setting is one, so only their form is checked.
enum TOMLMoment {
  /// Whether it is a date, a time, or both.
  static func isMoment(_ word: [UInt8]) -> Bool {
    isDate(word) || isLocalTime(word)
      || isDate(Array(word.prefix(10))) && word.dropFirst(10).first.map { $0 | 0x20 } == UInt8(ascii: "t")
        && isTime(Array(word.dropFirst(11)))
  }

  /// Whether it is `2026-12-01`.
  static func isDate(_ word: [UInt8]) -> Bool { has(word, form: "0000-00-00") }

  /// Whether it is a time that may follow a date: `05:22:29.5Z`.
  static func isTime(_ word: [UInt8]) -> Bool {
    if let last = word.last, last | 0x20 == UInt8(ascii: "z") { return isLocalTime(word.dropLast()) }
    if has(word.suffix(6), form: "+00:00") || has(word.suffix(6), form: "-00:00"), isLocalTime(word.dropLast(6)) {
      return true
    }
    return isLocalTime(word)
  }

  private static func isLocalTime(_ word: some Collection<UInt8>) -> Bool {
    let rest = word.dropFirst(8)
    return has(word.prefix(8), form: "00:00:00")
      && (rest.isEmpty
        || rest.first == UInt8(ascii: ".") && rest.count > 1 && rest.dropFirst().allSatisfy(TOMLScanner.isDigit))
  }

  private static func has(_ word: some Collection<UInt8>, form: String) -> Bool {
    word.count == form.utf8.count
      && zip(word, form.utf8).allSatisfy { $1 == UInt8(ascii: "0") ? TOMLScanner.isDigit($0) : $0 == $1 }
  }
}
