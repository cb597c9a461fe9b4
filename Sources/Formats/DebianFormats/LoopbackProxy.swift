/// A server on the loopback interface that apt uses.
public enum LoopbackProxy {
  /// Its port, from an address like `http://localhost:3142`; nil if that is no address of such a server, or names no port.
  public static func port(of address: some StringProtocol) -> Int? {
    guard let scheme = address.firstRange(of: "://") else { return nil }
    let place = address[scheme.upperBound...].prefix { $0 != "/" }.split(separator: "@").last ?? ""
    guard let colon = place.lastIndex(of: ":"), let port = Int(place[place.index(after: colon)...]), port > 0,
      port < 65536
    else { return nil }
    let host = place[..<colon]
    return host.hasPrefix("127.") || ["localhost", "[::1]"].contains(host.lowercased()) ? port : nil
  }

  /// Its port, from what apt said: "Could not connect to 127.0.0.1:3142 (127.0.0.1). - connect (111: Connection refused)"
  /// or, since apt 3.0, "Unable to connect to 127.0.0.1:3142:".
  public static func port(refusedIn said: String) -> Int? {
    let hosts = ["127.", "localhost:", "::1:", "[::1]:"]
    for line in said.split(separator: "\n") {
      var rest = Array(line.split(separator: " "))[...]
      while let start = rest.firstIndex(of: "connect") {
        rest = rest[(start + 1)...]
        guard rest.first == "to", let place = rest.dropFirst().first, hosts.contains(where: place.hasPrefix) else {
          continue
        }
        let words = place.split { ":;".contains($0) }
        if words.count > 1, let port = words.last.flatMap({ Int($0) }) { return port }
      }
    }
    return nil
  }
}
