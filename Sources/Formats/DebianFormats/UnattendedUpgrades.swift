/// The settings of unattended-upgrades in the configuration of apt.
public struct UnattendedUpgrades: Sendable, Equatable {
  /// Whether it runs by itself.
  public let isOn: Bool
  /// What it upgrades: patterns of `Unattended-Upgrade::Origins-Pattern`, such as `origin=Debian,label=Debian-Security`,
  /// and pairs of `Unattended-Upgrade::Allowed-Origins`, such as `Debian:trixie-security`.
  public let patterns: [String]

  /// Reads what `apt-config dump` prints: a setting in each line, with its value in double quotes.
  public init(_ text: String) {
    var values: [(name: Substring, value: String)] = []
    for line in text.split(separator: "\n") {
      guard let quote = line.ranges(of: " \"").first, line.hasSuffix("\";") else { continue }
      let value = line[quote.upperBound...].dropLast(2)
      values.append((line[..<quote.lowerBound], String(value)))
    }
    let last = { (name: String) in values.last { $0.name == name }?.value }
    isOn =
      !["", "0"].contains(last("APT::Periodic::Unattended-Upgrade") ?? "")
      && last("APT::Periodic::Enable") != "0"
    let lists = ["Origins-Pattern", "Allowed-Origins"].map { "Unattended-Upgrade::\($0)::" }
    patterns = values.filter { lists.contains(String($0.name)) && !$0.value.isEmpty }.map(\.value)
  }

  /// Whether it upgrades to security updates alone.
  public var isSecurityOnly: Bool { !patterns.isEmpty && patterns.allSatisfy(Self.isSecurity) }

  private static func isSecurity(_ pattern: String) -> Bool {
    let fields = pattern.split(separator: ",").map { field in
      field.split(separator: "=", maxSplits: 1).map { $0.trimmingPrefix(while: \.isWhitespace) }
    }
    guard pattern.contains("=") else { return pattern.hasSuffix(PackageOrigin.suffix) }
    return fields.contains { field in
      guard field.count == 2 else { return false }
      switch field[0] {
      case "l", "label": return field[1] == PackageOrigin.debianLabel
      case "a", "suite", "archive", "n", "codename": return field[1].hasSuffix(PackageOrigin.suffix)
      default: return false
      }
    }
  }
}
