import FoundationEssentials
import Host
import SystemPackage

/// Where Debian packages come from on this machine: read from its apt sources (sources.list(5)), both formats.
public struct DebianMirror: Sendable, Equatable {
  /// One source: where, and which suites.
  struct Source: Equatable {
    var uris: [String]
    var suites: [String]
    var components: [String]
  }

  /// The archive's URI.
  public let archive: String
  /// The URI of the security archive, when there is one.
  public let security: String?

  /// A mirror by its URIs.
  public init(archive: String, security: String? = nil) {
    self.archive = archive
    self.security = security
  }

  /// The mirror this machine's own apt uses; nil when its sources name no Debian archive.
  public static func ofThisMachine() throws -> DebianMirror? {
    var texts: [(name: String, text: String)] = []
    let directory = "/etc/apt/sources.list.d"
    let parts = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
    for path in ["/etc/apt/sources.list"] + parts.sorted().map({ "\(directory)/\($0)" }) {
      guard FileManager.default.fileExists(atPath: path) else { continue }
      texts.append((path, try Files.text(of: FilePath(path))))
    }
    return DebianMirror(sources: texts.flatMap { $0.name.hasSuffix(".sources") ? deb822($0.text) : oneLine($0.text) })
  }

  /// Picks the Debian archive out of apt's sources: the first with the component `main` that serves a suite and its
  /// `-updates`, and the first that serves a `-security` suite.
  init?(sources: [Source]) {
    let main = sources.filter { $0.components.contains("main") }
    let isSecurity = { (source: Source) in source.suites.contains { $0.hasSuffix("-security") } }
    guard let archive = main.first(where: { !isSecurity($0) && $0.looksLikeDebian })?.uris.first else { return nil }
    self.init(archive: archive, security: main.first { isSecurity($0) }?.uris.first)
  }

  /// The lines of a `sources.list` for `suite`. Suites that never freeze have neither updates nor security of their own.
  public func sourcesList(suite: String) -> [String] {
    var lines = ["deb \(archive) \(suite) main"]
    guard !["sid", "unstable", "experimental"].contains(suite) else { return lines }
    lines.append("deb \(archive) \(suite)-updates main")
    if let security { lines.append("deb \(security) \(suite)-security main") }
    return lines
  }

  static func deb822(_ text: String) -> [Source] {
    var sources: [Source] = []
    for paragraph in text.split(separator: "\n\n") {
      var fields: [String: [String]] = [:]
      var field = ""
      for line in paragraph.split(separator: "\n") where !line.hasPrefix("#") {
        let words: Substring
        if line.first == " " || line.first == "\t" {
          words = line
        } else if let colon = line.firstIndex(of: ":") {
          field = line[..<colon].lowercased()
          words = line[line.index(after: colon)...]
        } else {
          continue
        }
        fields[field, default: []] += words.split(whereSeparator: \.isWhitespace).map(String.init)
      }
      guard fields["types", default: []].contains("deb"), fields["enabled"] != ["no"] else { continue }
      sources.append(
        Source(
          uris: fields["uris", default: []], suites: fields["suites", default: []],
          components: fields["components", default: []]))
    }
    return sources
  }

  static func oneLine(_ text: String) -> [Source] {
    text.split(separator: "\n").compactMap { line in
      let line = line.prefix { $0 != "#" }
      var words = line.split(whereSeparator: \.isWhitespace).map(String.init)[...]
      guard words.popFirst() == "deb" else { return nil }
      if words.first?.hasPrefix("[") == true {
        words = words.drop { !$0.hasSuffix("]") }.dropFirst()
      }
      guard words.count >= 3, let uri = words.popFirst(), let suite = words.popFirst() else { return nil }
      return Source(uris: [uri], suites: [suite], components: Array(words))
    }
  }
}

extension DebianMirror.Source {
  /// Other vendors' archives use the component `main` too; Debian's own ends in `/debian`.
  fileprivate var looksLikeDebian: Bool {
    uris.first.map { $0.hasSuffix("/debian") || $0.hasSuffix("/debian/") } ?? false
  }
}
