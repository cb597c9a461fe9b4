/// The configuration of name resolution, resolv.conf(5).
public struct ResolverConfiguration: Sendable, Equatable {
  /// The addresses of the name servers.
  public let servers: [String]
  /// The other lines.
  private let others: [String]

  /// Reads a resolv.conf.
  public init(_ text: String) {
    var (servers, others): ([String], [String]) = ([], [])
    for line in text.split(separator: "\n") where !line.hasPrefix("#") && !line.hasPrefix(";") {
      let words = line.split(whereSeparator: \.isWhitespace)
      if words.first == "nameserver" {
        servers += words.dropFirst().prefix(1).map(String.init)
      } else if !words.isEmpty {
        others.append(String(line))
      }
    }
    (self.servers, self.others) = (servers, others)
  }

  /// The text for a network in which the first server of each family is at another address. Loopback addresses and
  /// addresses with an interface mean something else there, so a further server with such an address is left out.
  public func text(ipv4: String, ipv6: String) -> String {
    var lines: [String] = []
    var isKnown = (ipv4: false, ipv6: false)
    for server in servers {
      let family = server.contains(":") ? \(ipv4: Bool, ipv6: Bool).ipv6 : \.ipv4
      if !isKnown[keyPath: family] {
        isKnown[keyPath: family] = true
        lines.append(server.contains(":") ? ipv6 : ipv4)
      } else if !server.hasPrefix("127."), server != "::1", !server.contains("%") {
        lines.append(server)
      }
    }
    return (lines.map { "nameserver \($0)" } + others).map { "\($0)\n" }.joined()
  }

  /// Whether a text is another one without its comments, as resolvconf(8) leaves it when it is removed.
  public static func isCopy(_ found: String, ofLinesIn shown: String) -> Bool {
    let lines = shown.split(separator: "\n").filter { !$0.hasPrefix("#") }
    return !lines.isEmpty && found.split(separator: "\n") == lines
  }

  /// What a node's own text becomes if a program left `found` where `shown` stood in its place. Text that was shown
  /// stands for the node's own; servers that exist only inside, which programs copy line by line, go.
  ///
  /// - Parameter inside: the addresses of name servers that exist only inside.
  public static func text(own: String, found: String, shown: String, inside: [String]) -> String {
    if found.contains(shown) {
      let end = own.isEmpty || own.hasSuffix("\n") ? "" : "\n"
      return found.replacing(shown, with: own + end, maxReplacements: 1)
    }
    let lines = found.split(separator: "\n", omittingEmptySubsequences: false)
    return lines.filter { line in
      let words = line.split(whereSeparator: \.isWhitespace).map(String.init)
      return words.first != "nameserver" || !words.dropFirst().prefix(1).contains(where: inside.contains)
    }.joined(separator: "\n")
  }
}
