/// The value of a setting.
public enum SettingValue: Sendable, Equatable {
  /// `true` or `false`.
  case flag(Bool)
  /// A number.
  case number(Int)
  /// Text.
  case text(String)
  /// An array of numbers.
  case numbers([Int])
  /// An array of words.
  case words([String])

  /// The value in TOML. No kind of text contains characters that must be escaped.
  public var toml: String {
    switch self {
    case .text(let text): "\"\(text)\""
    case .numbers(let numbers): "[\(numbers.map(String.init).joined(separator: ", "))]"
    case .words(let words): "[\(words.map { "\"\($0)\"" }.joined(separator: ", "))]"
    case .flag, .number: plain
    }
  }

  /// The value for scripts: plain text, and a line for each number or word of an array.
  public var plain: String {
    switch self {
    case .flag(let flag): "\(flag)"
    case .number(let number): "\(number)"
    case .text(let text): text
    case .numbers(let numbers): numbers.map(String.init).joined(separator: "\n")
    case .words(let words): words.joined(separator: "\n")
    }
  }
}

extension SettingValue: Encodable {
  /// Encodes the value as the JSON value of the same kind.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .flag(let flag): try container.encode(flag)
    case .number(let number): try container.encode(number)
    case .text(let text): try container.encode(text)
    case .numbers(let numbers): try container.encode(numbers)
    case .words(let words): try container.encode(words)
    }
  }
}
