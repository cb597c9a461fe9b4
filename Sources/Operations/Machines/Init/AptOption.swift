/// A setting of apt (apt.conf(5)), such as `Acquire::Check-Valid-Until=false`.
public struct AptOption: Sendable, Equatable {
  private let name: String
  private let value: String

  /// Reads a name and a value with an equals sign between them, as the option `-o` of apt-get(8) has them; nil for
  /// anything else, and for what cannot be written in a file of apt.
  public init?(_ text: String) {
    guard let sign = text.firstIndex(of: "="), sign != text.startIndex else { return nil }
    name = String(text[..<sign])
    value = String(text[text.index(after: sign)...])
    let isName = name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || ":-_./".contains($0)) }
    guard isName, value.utf8.allSatisfy({ $0 >= 0x20 && $0 != UInt8(ascii: "\"") }) else { return nil }
  }

  /// The arguments of apt-get(8).
  var arguments: [String] { ["-o", "\(name)=\(value)"] }

  /// The line of a file of apt. In such a file an equals sign is part of a name.
  package var line: String { "\(name) \"\(value)\";" }
}
