import FoundationEssentials
import SystemPackage
import TestSupport
import Testing

/// The network of programs in nodes: their own, the machine's, or none.
@Suite("Network", .requiresRoot, .serialized) struct NodeNetworkTests {
  private static let packages = Result {
    try PackageStore(publishing: [
      DebPackage("tool"), DebPackage("looking", scripts: [.postinst: "cat /proc/net/dev >/root/network"]),
    ])
  }

  private let node: PackageNode
  private let settings: FilePath

  init() throws {
    node = try PackageNode(in: Self.packages.get())
    settings = try LoopBtrfs.shared.newDirectory().appending("ast.toml")
    try set("")
  }

  private func set(_ text: String) throws { try Data(text.utf8).write(to: URL(filePath: settings.string)) }

  /// Runs a verb on the node, on a host that is played.
  private func ast(on host: PlayedHost, _ verb: String, _ rest: [String]) throws -> CommandResult {
    try host.run(
      [AstBinary.path.string] + node.words(verb, rest),
      environment: ["AST_STORE": node.store.root.string, "AST_CONFIG": settings.string])
  }

  private func interfaces(in table: String) -> [String] {
    table.split(separator: "\n").filter { $0.contains(":") }.map {
      $0.split(separator: ":")[0].split(separator: " ").joined()
    }
  }

  @Test func aRunReachesNothingOfTheMachine() throws {
    try set("network.loopback = [3142]")
    let host = try PlayedHost(network: PlayedHost.usualNetwork)
    let places = ["tcp 127.0.0.1 3142", "tcp 10.8.0.2 9998", "tcp 169.254.169.254 80"]
    let result = try ast(on: host, "run", NetworkProbe.command(places)).expectSuccess()
    #expect(
      NetworkProbe.met(in: result.stdout) == [
        // The port is apt's alone.
        "tcp 127.0.0.1 3142": "Connection refused", "tcp 10.8.0.2 9998": "Permission denied",
        "tcp 169.254.169.254 80": "Permission denied",
      ])
    #expect(result.stderr == "ast: node \(node.id): nothing was changed\n")
    let names = try ast(on: host, "run", ["sh", "-c", "head -n 1 /etc/resolv.conf; getent ahostsv4 any.example"])
    #expect(names.stdout.hasPrefix("nameserver 192.0.0.3\n192.0.2.77 "), "\(names)")
    // A server that exists only inside does not stay in the node, whichever way a program copies it.
    let copying = "getent ahostsv4 any.example; grep nameserver /etc/resolv.conf >/etc/new; echo search a >>/etc/new"
    try ast(on: host, "run", ["sh", "-ec", "\(copying); mv /etc/new /etc/resolv.conf"]).expectSuccess()
    #expect(try node.text(of: "etc/resolv.conf") == "search a\n")
  }

  @Test func fetchingNeedsTheSettingForAServerOfTheMachine() throws {
    let host = try PlayedHost()
    let before = try node.state()
    let port = try #require(node.repository.server.uri.split(separator: ":").last.flatMap { Int($0) })
    let refused = try ast(on: host, "refresh", [])
    #expect(refused.status == 1)
    #expect(
      refused.stderr.hasSuffix(
        "     the machine's own services are closed to nodes; if that is apt's proxy, open its port: "
          + "network.loopback = [\(port)] in /etc/ast/ast.toml\n"), "\(refused)")
    try node.expectUntouched(since: before)
    try set("network.loopback = [\(port)]")
    try ast(on: host, "refresh", []).expectSuccess()
    try ast(on: host, "install", ["tool"]).expectSuccess()
    #expect(try node.added().contains("tool:all 1.0"))
  }

  @Test func packagesAreInstalledWithoutANetwork() throws {
    try node.ast("install", "looking").expectSuccess()
    #expect(interfaces(in: try node.text(of: "root/network") ?? "") == ["lo"])
  }

  /// A host that cannot make one, and the reason with what to do.
  enum Poor: CaseIterable {
    case without, old, userless, tunnelless

    var host: PlayedHost {
      get throws {
        var host = try PlayedHost()
        switch self {
        case .without: host.passt = nil
        case .old: host.passt = "0.0~git20230309.7c7625d-1"
        case .userless: host.hasUser = false
        case .tunnelless: host.hasTunnel = false
        }
        return host
      }
    }

    var words: (reason: String, advice: String) {
      let install = "install passt 0.0~git20250503 or newer"
      return switch self {
      case .without: ("passt is not installed", install)
      case .old:
        ("passt 0.0~git20230309.7c7625d-1 is too old to keep a node's programs from the machine", install)
      case .userless: ("there is no user _ast-net", "`systemd-sysusers ast.conf` makes it")
      case .tunnelless:
        (
          "pasta could not start (Failed to set up tap device in namespace: /dev/net/tun is missing)",
          "load the module: `modprobe tun`"
        )
      }
    }
  }

  @Test(arguments: Poor.allCases) func whereThereCannotBeOneThereIsNone(poor: Poor) throws {
    let off = "allow the machine's own network: network.isolation = \"off\" in /etc/ast/ast.toml"
    let (reason, advice) = poor.words
    let ran = try ast(on: poor.host, "run", ["cat", "/proc/net/dev"]).expectSuccess()
    #expect(interfaces(in: ran.stdout) == ["lo"])
    #expect(
      ran.stderr.hasPrefix("ast: warning: no network for this transaction: \(reason); \(advice), or \(off)\n"), "\(ran)"
    )
    let fetched = try ast(on: poor.host, "refresh", [])
    #expect(fetched.status == 1)
    #expect(
      fetched.stderr.hasPrefix("ast: no network for this transaction: \(reason); ")
        && fetched.stderr.hasSuffix("\n     \(advice), or \(off)\n"),
      "\(fetched)")
    // What needs no network works.
    try ast(on: poor.host, "hold", ["bash"]).expectSuccess()
  }

  @Test func theMachinesOwnIsUsedIfTheSettingsSaySo() throws {
    try set("network.isolation = \"off\"")
    var host = try PlayedHost()
    host.passt = nil
    let ran = try ast(on: host, "run", ["cat", "/proc/net/dev"]).expectSuccess()
    #expect(try interfaces(in: ran.stdout) == interfaces(in: runSuccessfully(["cat", "/proc/net/dev"])))
    let environment = ["AST_CONFIG": settings.string]
    let words = "Network: programs in nodes have the machine's own (network.isolation = \"off\")"
    func status() throws -> [String] {
      let words = try node.store.ast(["status"], environment: environment).expectSuccess().stdout.split(separator: "\n")
      return words.filter { $0.hasPrefix("Network") }.map { $0.split(separator: " ").joined(separator: " ") }
    }
    #expect(try status() == [words.split(separator: " ").joined(separator: " ")])
    try set("")
    #expect(try status() == [])
    #expect(
      try node.store.ast("status", "--json", environment: environment).json["data"]["networkIsolation"] == .text("on"))
  }
}
