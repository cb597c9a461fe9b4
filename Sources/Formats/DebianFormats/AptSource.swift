/// A place that apt gets binary packages from, as a file of sources names it (sources.list(5)).
public struct AptSource: Sendable, Hashable {
  /// The addresses.
  public let uris: [String]
  /// The suites, such as `trixie` or `trixie-security`.
  public let suites: [String]
  /// The components, such as `main`.
  public let components: [String]

  /// A source with its parts.
  public init(uris: [String], suites: [String], components: [String]) {
    self.uris = uris
    self.suites = suites
    self.components = components
  }

  /// The sources in a file of the deb822 style, `*.sources`; those that are switched off are left out.
  public static func deb822(_ text: String) -> [AptSource] {
    let fields: Set = ["Types", "URIs", "Suites", "Components", "Enabled"]
    return ControlFile.paragraphs(in: text.utf8, fields: fields).compactMap { paragraph in
      let words = { (field: String) in
        paragraph[field, default: ""].split(whereSeparator: \.isWhitespace).map(String.init)
      }
      guard words("Types").contains("deb"), !isNo(words("Enabled").joined(separator: " ")) else { return nil }
      return AptSource(uris: words("URIs"), suites: words("Suites"), components: words("Components"))
    }
  }

  /// The sources in a file of the one-line style, `sources.list` or `*.list`.
  public static func oneLine(_ text: String) -> [AptSource] {
    text.split(whereSeparator: \.isNewline).compactMap { line in
      var words = line.prefix { $0 != "#" }.split(whereSeparator: \.isWhitespace).map(String.init)[...]
      guard words.popFirst() == "deb" else { return nil }
      if words.first?.hasPrefix("[") == true { words = words.drop { !$0.hasSuffix("]") }.dropFirst() }
      guard words.count >= 3, let uri = words.popFirst(), let suite = words.popFirst() else { return nil }
      return AptSource(uris: [uri], suites: [suite], components: Array(words))
    }
  }

  /// Whether apt reads a value as no (`StringToBool` in apt-pkg/contrib/strutl.cc). An unknown word leaves a source on.
  private static func isNo(_ value: String) -> Bool {
    ["0", "no", "false", "without", "off", "disable"].contains(value.lowercased())
  }
}
