/// The values that are written without quotes.
enum TOMLWord {
  /// The value of a word; nil if it is none.
  static func value(of word: [UInt8]) -> TOMLValue? {
    let text = String(decoding: word, as: UTF8.self)
    switch text {
    case "true": return .flag(true)
    case "false": return .flag(false)
    case "inf", "+inf": return .fraction(.infinity)
    case "-inf": return .fraction(-.infinity)
    case "nan", "+nan", "-nan": return .fraction(.nan)
    default: break
    }
    if TOMLMoment.isMoment(word) { return .moment(text) }
    return integer(word).map(TOMLValue.number) ?? fraction(word).map(TOMLValue.fraction)
  }

  /// A number in the range of 64 bits. One that is larger is not a value.
  private static func integer(_ word: [UInt8]) -> Int? {
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] where word.starts(with: prefix.utf8) {
      guard let digits = withoutUnderscores(word.dropFirst(2)), digits.utf8.first.map(isSign) == false else {
        return nil
      }
      return Int(digits, radix: radix)
    }
    let digits = word.drop(while: isSign)
    guard word.count - digits.count < 2, digits.allSatisfy({ TOMLScanner.isDigit($0) || $0 == underscore }),
      digits.count == 1 || digits.first != zero
    else { return nil }
    return withoutUnderscores(digits).flatMap { Int((word.first == UInt8(ascii: "-") ? "-" : "") + $0) }
  }

  private static func fraction(_ word: [UInt8]) -> Double? {
    let unsigned = word.drop(while: isSign)
    guard word.count - unsigned.count < 2 else { return nil }
    let parts = unsigned.split(
      maxSplits: 1, omittingEmptySubsequences: false, whereSeparator: { $0 | 0x20 == UInt8(ascii: "e") })
    let mantissa = parts[0].split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard mantissa.count == 2 || mantissa.count == 1 && parts.count == 2,
      mantissa[0].count == 1 || mantissa[0].first != zero, mantissa.allSatisfy(isNumber)
    else { return nil }
    if parts.count == 2 {
      let exponent = parts[1].drop(while: isSign)
      guard parts[1].count - exponent.count < 2, isNumber(exponent) else { return nil }
    }
    return Double(String(decoding: word.filter { $0 != underscore }, as: UTF8.self))
  }

  private static func isNumber(_ digits: ArraySlice<UInt8>) -> Bool {
    withoutUnderscores(digits).map { $0.utf8.allSatisfy(TOMLScanner.isDigit) } ?? false
  }

  /// An underscore stands between two digits; nil otherwise, and without a digit.
  private static func withoutUnderscores(_ digits: ArraySlice<UInt8>) -> String? {
    let parts = digits.split(separator: underscore, omittingEmptySubsequences: false)
    return parts.contains(where: \.isEmpty) ? nil : String(decoding: parts.joined(), as: UTF8.self)
  }

  private static func isSign(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") }
  private static let underscore = UInt8(ascii: "_")
  private static let zero = UInt8(ascii: "0")
}
