import Glibc
import SystemPackage
import TestSupport
import Testing

/// A network of its own, from inside, on a host that is played.
@Suite(.requiresRoot) struct NetworkTests {
  private let fixture: Fixture
  private var host: PlayedHost

  init() throws {
    fixture = try Fixture()
    host = try PlayedHost(network: PlayedHost.usualNetwork)
  }

  private func run(_ options: [String], _ command: [String]) throws -> CommandResult {
    try host.run([Driver.path] + options + [fixture.root.string] + command)
  }

  private static var own: [String] { get throws { ["--network", try Pasta.path.string] } }

  private func probe(_ places: [String], _ options: [String], before: String = "") throws -> [String: String] {
    NetworkProbe.met(in: try run(options, NetworkProbe.command(places, before: before)).expectSuccess().stdout)
  }

  /// Everything of the host that listens, by each way to it. A socket that is bound to the device goes past routes.
  private static let services = ["tcp", "udp"].flatMap { name in
    [
      "127.0.0.1 9999", "::1 9999", "127.0.0.1 3142", "10.1.1.2 9998", "10.8.0.2 9998", "10.99.0.7 9998",
      "192.0.0.1 9998", "fd00:1::2 9997", "fd00:8::2 9997", "fe80::99%ast0 9997", "10.8.0.2 9998 ast0",
      "10.99.0.7 9998 ast0", "127.0.0.1 9999 ast0", "fd00:8::2 9997 ast0", "::1 9999 ast0", "::ffff:10.8.0.2 9998",
      "::ffff:127.0.0.1 9999 ast0",
    ].map { "\(name) \($0)" }
  }

  @Test func servicesOfTheHostAreNotReached() throws {
    let met = try probe(Self.services, Self.own)
    #expect(met.keys.sorted() == Self.services.sorted())
    #expect(met.filter { $0.value == "reached" }.keys.sorted() == [])
    // At once, where a program has done nothing to prevent it.
    for place in ["tcp 10.8.0.2 9998", "udp 10.8.0.2 9998", "tcp fd00:8::2 9997"] {
      #expect(met[place] == "Permission denied")
    }
    #expect(met["tcp 127.0.0.1 9999"] == "Connection refused")
  }

  /// The same probes reach them on the host's network, so it is the wall that keeps them out.
  @Test func servicesAreReachedOnTheHostsNetwork() throws {
    let places = [
      "tcp 127.0.0.1 9999", "udp 127.0.0.1 9999", "tcp 10.8.0.2 9998", "udp fd00:8::2 9997", "tcp ::1 9999",
    ]
    #expect(try probe(places, []) == Dictionary(uniqueKeysWithValues: places.map { ($0, "reached") }))
  }

  @Test func otherMachinesAreReached() throws {
    let places = ["tcp 10.1.1.1 80", "tcp fd00:1::1 80"]
    #expect(try probe(places, Self.own) == Dictionary(uniqueKeysWithValues: places.map { ($0, "reached") }))
  }

  /// Root inside can become the user that owns the namespace, who has every capability there (user_namespaces(7)). The
  /// routes can go then; the wall cannot.
  @Test func ownerOfTheNamespaceStaysInside() throws {
    let remove = #"""
      use Socket; $< = $> = \#(PlayedHost.user); socket(my $s, 16, 3, 0) or die;
      for my $address ("10.8.0.2", "10.1.1.2") {
        my $route = pack("C8 L S S", AF_INET, 32, 0, 0, 254, 0, 255, 0, 0, 8, 1) . inet_aton($address);
        send $s, pack("L S S L L", 16 + length $route, 25, 5, 1, 0) . $route, 0 or die; recv $s, my $got, 100, 0;
        print "route of $address=", unpack("x16 l", $got), "\n";
      }
      """#
    let met = try probe(
      ["tcp 10.8.0.2 9998", "udp 10.8.0.2 9998", "tcp 10.1.1.2 9998"], Self.own, before: remove)
    #expect(
      met == [
        "route of 10.8.0.2": "0", "route of 10.1.1.2": "0", "tcp 10.8.0.2 9998": "nothing",
        "udp 10.8.0.2 9998": "nothing", "tcp 10.1.1.2 9998": "nothing",
      ])
  }

  @Test func onlyThePortsThatAreAllowedAreOpen() throws {
    let places = ["tcp 127.0.0.1 3142", "tcp 127.0.0.1 9999", "udp 127.0.0.1 3142"]
    let met = try probe(places, Self.own + ["--port", "3142"])
    #expect(
      met == [
        "tcp 127.0.0.1 3142": "reached", "tcp 127.0.0.1 9999": "Connection refused",
        "udp 127.0.0.1 3142": "Connection refused",
      ])
  }

  @Test func otherAddressesCanBeRefused() throws {
    let place = "tcp 192.0.2.1 80"
    #expect(try probe([place], Self.own) == [place: "nothing"])
    #expect(try probe([place], Self.own + ["--refused", "192.0.2.1"]) == [place: "Permission denied"])
  }

  @Test func namesAreThoseOfTheFirstNameServerOfTheHost() throws {
    let file = fixture.directory.appending("resolv.conf")
    try runSuccessfully(["sh", "-c", "echo nameserver 192.0.0.3 >\(file)"])
    let names = try run(
      Self.own + ["--bind", "\(file):/etc/resolv.conf"], ["getent", "ahostsv4", "any.example"]
    ).expectSuccess().stdout
    #expect(names.hasPrefix("192.0.2.77 "), "\(names)")
  }

  @Test func rawFramesAndChangesOfTheNetworkAreRefused() throws {
    let script = #"""
      print "$_->[0] $_->[1]: ", (socket(my $s, $_->[0], $_->[1], $_->[2]) ? "made" : $!), "\n"
        for [17, 3, 0x300], [2, 3, 1], [2, 2, 1];
      """#
    let said = try run(Self.own, ["perl", "-e", script]).expectSuccess().stdout
    // Packets, raw IP, and the socket of ping(8).
    #expect(said == "17 3: Operation not permitted\n2 3: Operation not permitted\n2 2: made\n")
    let capabilities = try run(Self.own, ["grep", "CapBnd", "/proc/self/status"]).expectSuccess().stdout
    let set = try #require(capabilities.split(separator: "\t").last.flatMap { UInt64($0.dropLast(), radix: 16) })
    #expect(set >> 12 & 3 == 0, "CAP_NET_ADMIN and CAP_NET_RAW")
  }

  @Test(arguments: [
    ("no default route", "ip link set lo up"),
    (
      "no carrier",
      """
      ip link set lo up; ip link add lan type veth peer name router; ip link set lan up
      ip addr add 10.1.1.2/24 dev lan; ip route add default via 10.1.1.1 dev lan onlink
      """
    ),
    (
      "IPv6 only",
      """
      ip link set lo up; ip link add lan type veth peer name router; ip link set lan up; ip link set router up
      ip addr add fd00:1::2/64 dev lan nodad; ip -6 route add default via fd00:1::1
      """
    ),
  ])
  func itStartsOn(host name: String, network: String) throws {
    var host = host
    host.network = network
    let look = ["sh", "-c", "ls /sys/class/net; exec \"$@\"", "sh"]
    let words = look + NetworkProbe.command(["tcp 127.0.0.1 9999"])
    let said = try host.run([Driver.path] + Self.own + [fixture.root.string] + words).expectSuccess().stdout
    #expect(said == "ast0\nlo\ntcp 127.0.0.1 9999=Connection refused\n", "\(name)")
  }

  @Test func withoutTheDeviceItSaysSo() throws {
    var host = host
    host.hasTunnel = false
    let result = try host.run([Driver.path] + Self.own + [fixture.root.string, "true"])
    #expect(result.status == 125)
    #expect(
      result.stderr == "driver: no network: pasta(\"Failed to set up tap device in namespace\")\n", "\(result)")
  }

  /// Killed or not.
  @Test(arguments: [SIGTERM, SIGKILL]) func nothingIsLeft(signal: CInt) throws {
    let duration = uniqueDuration()
    let started = try host.start(
      [Driver.path] + Self.own + [fixture.root.string, "sh", "-c", "echo started; exec sleep \(duration)"])
    #expect(try eventually { try !SandboxTests.processes(withArgument: duration).isEmpty })
    let left = try Self.children(of: started.pid)
    #expect(left.count == 2)
    kill(started.pid, signal)
    _ = try started.wait()
    #expect(try eventually { try left.allSatisfy { try Self.state(of: $0).allSatisfy { $0 == "Z" } } })
  }

  /// The processes of a network's owner that a process has started.
  private static func children(of process: pid_t) throws -> [String] {
    try TestSupport.run(["ps", "-o", "pid=,uid=", "--ppid", "\(process)"]).stdout.split(separator: "\n")
      .map { $0.split(separator: " ").map(String.init) }.filter { $0.last == "\(PlayedHost.user)" }.map { $0[0] }
  }

  /// "Z" for a process that only waits to be reaped, nothing for one that is gone.
  private static func state(of process: String) throws -> String {
    try TestSupport.run(["ps", "-o", "state=", "-p", process]).stdout.filter(\.isLetter)
  }
}
