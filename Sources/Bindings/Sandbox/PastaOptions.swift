import CSandbox

extension UserNetwork {
  /// The name of the interface inside.
  static let interface = "ast0"
  /// The name servers inside: what is sent there, pasta sends to the first name server of its family that the host's
  /// /etc/resolv.conf has.
  public static let nameServers = (ipv4: "192.0.0.3", ipv6: "fd6f:7ba5:f2c1::3")

  /// The router of IPv6 inside, the only link-local address that is not refused.
  static var gateway: AddressPrefix {
    var prefix = sandbox_prefix()
    prefix.family = 10  // AF_INET6
    prefix.length = 128
    (prefix.address.0, prefix.address.1, prefix.address.15) = (0xfe, 0x80, 1)
    return AddressPrefix(prefix)
  }

  /// The options of pasta(1). Its defaults show every listener of the host's loopback interface inside, those inside on
  /// every address of the host, and the host's loopback interface at the address of the router.
  ///
  /// The addresses are its own, not copies of the host's: 192.0.0.0/29 is never a local network (RFC 7335), and the routes
  /// of a host without carrier cannot be copied. A host without IPv6 ignores the second pair.
  static func options(for plan: Plan) -> [String] {
    let ports = plan.loopbackPorts.map(String.init).joined(separator: ",")
    return [
      "--config-net", "-f", "-q", "-I", interface, "-t", "none", "-u", "none", "-T", ports.isEmpty ? "none" : ports,
      "-U", "none", "--no-map-gw", "-a", "192.0.0.2", "-n", "29", "-g", "192.0.0.1", "-a", "fd6f:7ba5:f2c1::2", "-g",
      "fe80::1", "--dns-forward", nameServers.ipv4, "--dns-forward", nameServers.ipv6,
    ]
  }
}
