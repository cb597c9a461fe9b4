import FoundationEssentials

/// What a file of apt's configuration or sources says about programs and trust (apt.conf(5), sources.list(5)).
///
/// It is read word by word, with no regard to the meaning of what is around a word: a file that only looks as if it did
/// one of these things counts as one that does.
public struct AptConfiguration: Sendable, Equatable {
  /// Whether apt runs programs of the configuration when it fetches or plans, or finds its own files elsewhere.
  public let runsPrograms: Bool
  /// Whether apt takes a source whose signature it cannot check.
  public let acceptsUnsigned: Bool
  /// Whether a source is on the node's own disk: what is there, only the node has.
  public let hasLocalSources: Bool
  /// The absolute paths that the file names, such as those of keyrings, in order.
  public let paths: [String]
  /// The ports on the loopback interface that settings name, such as those of proxies, in order.
  public let loopbackPorts: [Int]

  /// Reads `text`, a file of apt.conf(5) if `isSettings`, or else one of sources.list(5).
  public init(_ text: String, isSettings: Bool) {
    let lines = text.split(whereSeparator: \.isNewline).map { $0.drop(while: \.isWhitespace) }
      .filter { line in !Self.comments.contains { line.hasPrefix($0) } }
    let uncommented = lines.joined(separator: "\n").lowercased()
    let words = Set(
      Self.withoutStrings(uncommented).split { !($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") }.map(
        String.init))
    runsPrograms = isSettings && !words.isDisjoint(with: Self.programSettings)
    let isTrusting = ["trusted", "insecure", "unauthenticated"].contains { word in
      uncommented.ranges(of: word).contains { !uncommented[$0.upperBound...].hasPrefix(".") }
    }
    acceptsUnsigned = isTrusting
    hasLocalSources =
      !isSettings
      && uncommented.split(whereSeparator: \.isNewline).contains { line in
        !line.hasPrefix("#") && AptUpdate.localMethods.contains { line.contains($0) }
      }
    let values = lines.flatMap { $0.split { $0.isWhitespace || "\"'=,;{}".contains($0) } }
    paths = values.flatMap { $0.split { "[]".contains($0) } }.filter { $0.hasPrefix("/") }.map(String.init)
    loopbackPorts = isSettings ? values.compactMap(LoopbackProxy.port(of:)) : []
  }

  private static let comments = ["//", "# ", "#\t", "##"]

  /// Names of settings, or parts of them, in lower case. `APT::Update` has hooks, `AptCli::Hooks` too; `Dir::Bin` and
  /// `APT::Compressor` name programs; the others move the files of apt's configuration, or include some.
  private static let programSettings: Set = [
    "update", "aptcli", "bin", "compressor", "proxy-auto-detect", "proxyautodetect", "solver", "planner",
    "gpgvcommand", "chroot-directory", "rootdir", "include", "main", "parts", "sourcelist", "sourceparts",
    "trustedparts",
    "status",
  ]

  /// The text without what is quoted, which are values.
  private static func withoutStrings(_ text: String) -> String {
    text.split(separator: "\"", omittingEmptySubsequences: false).enumerated()
      .filter { $0.offset.isMultiple(of: 2) }.map { String($0.element) }.joined(separator: " ")
  }
}
