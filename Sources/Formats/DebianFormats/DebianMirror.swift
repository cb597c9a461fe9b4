/// The archives that a system gets Debian from.
public struct DebianMirror: Sendable, Hashable {
  /// The archive's URI.
  public let archive: String
  /// The URI of the security archive, if there is one.
  public let security: String?

  /// A mirror by its URIs.
  public init(archive: String, security: String? = nil) {
    self.archive = archive
    self.security = security
  }

  /// Picks the Debian archive out of apt's sources: the first one with the component `main` that is not for security
  /// updates, and the first one that serves a `-security` suite. Nil if none of them is Debian's.
  public init?(sources: [AptSource]) {
    let main = sources.filter { $0.components.contains("main") }
    let isSecurity = { (source: AptSource) in source.suites.contains { $0.hasSuffix("-security") } }
    guard let archive = main.first(where: { !isSecurity($0) && $0.looksLikeDebian })?.uris.first else { return nil }
    self.init(archive: archive, security: main.first { isSecurity($0) }?.uris.first)
  }

  /// The lines of a `sources.list` for `suite`. Suites that never freeze have no updates and no security suite.
  public func sourcesList(suite: String) -> [String] {
    var lines = ["deb \(archive) \(suite) main"]
    guard !["sid", "unstable", "experimental"].contains(suite) else { return lines }
    lines.append("deb \(archive) \(suite)-updates main")
    if let security { lines.append("deb \(security) \(suite)-security main") }
    return lines
  }
}

extension AptSource {
  /// Other vendors' archives have a component `main` too; the address of Debian's own ends in `/debian`.
  fileprivate var looksLikeDebian: Bool {
    uris.first.map { $0.hasSuffix("/debian") || $0.hasSuffix("/debian/") } ?? false
  }
}
