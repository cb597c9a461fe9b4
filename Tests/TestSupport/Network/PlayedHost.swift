import SystemPackage

/// The host as a test needs it, for the commands that are run there, and for nothing else: what it has for networks of
/// nodes, and, if `network` is not nil, a network of its own, from which nothing of the real one can be reached.
///
///     try PlayedHost(network: PlayedHost.usualNetwork).run(["ast", "run", "1", "true"])
public struct PlayedHost {
  /// Commands of a shell that set up a network, in a network namespace; nil for the real one.
  public var network: String?
  /// The version of passt that dpkg knows; nil if it is not installed.
  public var passt: String? = Pasta.minimum
  /// Whether there is a user `_ast-net`.
  public var hasUser = true
  /// Whether there is a device /dev/net/tun, which every user may open.
  public var hasTunnel = true
  /// The first line of /etc/resolv.conf; nil for the real file.
  public var nameServer: String?

  private let directory: FilePath

  /// A host with all that is needed.
  public init(network: String? = nil) throws {
    self.network = network
    directory = try LoopBtrfs.shared.newDirectory()
    if network != nil { nameServer = "127.0.0.53" }
  }

  /// A local network with a default route, a private network, and a range of addresses that are the host's.
  public static let usualNetwork = """
    ip link set lo up
    ip link add lan type veth peer name router; ip link set lan up
    neighbour
    ip addr add 10.1.1.2/24 dev lan; ip route add default via 10.1.1.1
    ip addr add fd00:1::2/64 dev lan nodad; ip -6 route add default via fd00:1::1
    ip link add vpn type veth peer name far; ip link set vpn up; ip link set far up
    ip addr add 10.8.0.2/24 dev vpn; ip addr add fd00:8::2/64 dev vpn nodad
    ip addr add fe80::99/64 dev lan nodad
    ip route add local 10.99.0.0/24 dev lo
    """

  /// Runs a program there. In a network of its own there are services (see ``services``).
  public func run(_ command: [String], environment: [String: String] = [:]) throws -> CommandResult {
    try TestSupport.run(
      words(command), environment: plainEnvironment.merging(try variables()) { $1 }.merging(environment) { $1 })
  }

  /// Starts a program there.
  public func start(_ command: [String], environment: [String: String] = [:]) throws -> StartedCommand {
    try StartedCommand(
      words(command), environment: plainEnvironment.merging(try variables()) { $1 }.merging(environment) { $1 })
  }

  private func words(_ command: [String]) -> [String] {
    let namespaces = network == nil ? ["--mount"] : ["--mount", "--net"]
    let played = network.map { "\(Self.neighbour)\($0)\n\(Self.serving)" } ?? ""
    return ["unshare"] + namespaces + ["sh", "-euc", Self.dressing + played + "exec \"$@\"", "sh"] + command
  }

  private func variables() throws -> [String: String] {
    var variables = ["PLACE": directory.string, "SERVICES": Self.services, "NEIGHBOUR": Self.neighbourServices]
    if let passt {
      variables["PASTA"] = try Pasta.path.string
      variables["PASST"] = passt
    }
    if hasUser { variables["NET_USER"] = "_ast-net:x:\(Self.user):\(Self.user)::/:/usr/sbin/nologin" }
    if hasTunnel { variables["TUNNEL"] = "yes" }
    variables["NAME_SERVER"] = nameServer
    return variables
  }

  /// The number of `_ast-net`.
  public static let user = 61_990

  private static let dressing = #"""
    mount --make-rprivate /
    cd "$PLACE"; mkdir -p bin
    mount -t tmpfs none /dev/net
    if [ "${TUNNEL:-}" ]; then mknod -m 666 /dev/net/tun c 10 200; fi
    { grep -v ^_ast-net: /etc/passwd; printf '%s\n' "${NET_USER:-}"; } >passwd; mount --bind passwd /etc/passwd
    if [ "${NAME_SERVER:-}" ]; then
      echo "nameserver $NAME_SERVER" >resolv.conf; mount --bind resolv.conf /etc/resolv.conf
    fi
    if [ "${PASST:-}" ]; then
      if [ "$PASTA" != /usr/bin/pasta ]; then
        cp "$PASTA" bin/pasta; mount -t overlay overlay -o "lowerdir=$PLACE/bin:/usr/bin" /usr/bin
      fi
      { awk -v RS= -v ORS='\n\n' '!/^Package: passt\n/' /var/lib/dpkg/status
        printf 'Package: %s\nStatus: install ok installed\nArchitecture: all\nMaintainer: tests\nVersion: %s\n' passt "$PASST"
        echo 'Description: tests'; } >status
      mount --bind status /var/lib/dpkg/status
    else
      awk -v RS= -v ORS='\n\n' '!/^Package: passt\n/' /var/lib/dpkg/status >status
      mount --bind status /var/lib/dpkg/status
    fi
    cd /

    """#

  /// Another machine of the local network, with a service on port 80. It ends with the program.
  private static let neighbour = """
    neighbour() {
      starter=$$ unshare --net perl -e "$NEIGHBOUR" >/dev/null &
      until [ "$(readlink /proc/$!/ns/net)" != "$(readlink /proc/$$/ns/net)" ]; do kill -0 $!; sleep 0.01; done
      ip link set router netns $!
      nsenter --net --target $! sh -euc 'ip link set router up
        ip addr add 10.1.1.1/24 dev router; ip addr add fd00:1::1/64 dev router nodad'
    }

    """

  private static let neighbourServices = #"""
    use strict; use IO::Socket::IP; use IO::Select;
    my $all = IO::Select->new(map { IO::Socket::IP->new(LocalAddr => $_, LocalPort => 80, V6Only => 1, Listen => 9,
        GetAddrInfoFlags => Socket::AI_NUMERICHOST | Socket::AI_PASSIVE) || die "$_ $!" } "0.0.0.0", "::");
    while (getppid == $ENV{starter}) {
      for ($all->can_read(0.5)) { my $c = $_->accept or next; print $c "host\n"; close $c }
    }
    """#

  private static let serving = """
    rm -f "$PLACE/services"
    starter=$$ perl -e "$SERVICES" >"$PLACE/services" &
    until [ -s "$PLACE/services" ]; do kill -0 $!; sleep 0.01; done

    """

  /// On each address a TCP and a UDP service that answer "host", and a name server that knows every name. They end with
  /// the program.
  private static let services = #"""
    use strict; use IO::Socket::IP; use IO::Select; use Socket;
    my ($tcp, $udp) = (IO::Select->new, IO::Select->new);
    for (["127.0.0.1", 9999], ["::1", 9999], ["0.0.0.0", 9998], ["::", 9997], ["127.0.0.1", 3142]) {
      my @place = (LocalAddr => $_->[0], LocalPort => $_->[1], V6Only => 1,
        GetAddrInfoFlags => Socket::AI_NUMERICHOST | Socket::AI_PASSIVE);
      $tcp->add(IO::Socket::IP->new(@place, Listen => 9, ReuseAddr => 1) || die "@place $!");
      $udp->add(IO::Socket::IP->new(@place, Proto => "udp") || die "@place $!");
    }
    my $names = IO::Socket::IP->new(LocalAddr => "127.0.0.53", LocalPort => 53, Proto => "udp") || die;
    print "listening\n"; close STDOUT;
    while (getppid == $ENV{starter}) {
      for (IO::Select->new($tcp->handles, $udp->handles, $names)->can_read(0.5)) {
        if ($tcp->exists($_)) { my $c = $_->accept or next; print $c "host\n"; close $c; next }
        my $from = recv $_, my $query, 1500, 0 or next;
        if ($_ != $names) { send $_, "host\n", 0, $from; next }
        my $end = index($query, "\0", 12) + 5;
        my $answer = substr($query, 0, 2) . pack("n5", 0x8180, 1, 1, 0, 0) . substr($query, 12, $end - 12);
        send $_, $answer . pack("nnnNnC4", 0xc00c, 1, 1, 60, 4, 192, 0, 2, 77), 0, $from;
      }
    }
    """#
}

/// A program that says what it meets at places: "reached" a service of a ``PlayedHost``, or why not.
public enum NetworkProbe {
  /// The command for places of the form PROTOCOL ADDRESS PORT [DEVICE]; with a device, the socket is bound to it.
  ///
  /// - Parameter before: what perl does first.
  public static func command(_ places: [String], before: String = "") -> [String] {
    ["perl", "-e", "$|=1; \(before)\n\(script)"] + places
  }

  /// What was met, by place.
  public static func met(in output: String) -> [String: String] {
    let lines = output.split(separator: "\n").map { $0.split(separator: "=", maxSplits: 1).map(String.init) }
    return Dictionary(lines.map { ($0[0], $0.count > 1 ? $0[1] : "") }) { $1 }
  }

  private static let script = #"""
    use strict; use Socket qw(:all); use Errno;
    sub probe {
      my ($protocol, $address, $port, $device) = @_;
      my ($error, $found) = getaddrinfo($address, $port,
        {flags => AI_NUMERICHOST, socktype => $protocol eq "tcp" ? SOCK_STREAM : SOCK_DGRAM});
      $found or return "address $error";
      socket(my $socket, $found->{family}, $found->{socktype}, 0) or return "socket $!";
      if ($device) { setsockopt($socket, SOL_SOCKET, 25, "$device\0") or return "device $!" }
      my $answer = "";
      local $SIG{ALRM} = sub { die "late\n" };
      my $met = eval {
        alarm 1;
        connect($socket, $found->{addr}) or return "$!";
        if ($protocol eq "udp") { send($socket, "hello", 0) or return "$!" }
        my $got = sysread $socket, $answer, 100;
        defined $got ? ($answer eq "host\n" ? "reached" : "closed") : "$!";
      };
      alarm 0;
      $met // "nothing";
    }
    print "$_=", probe(split " "), "\n" for @ARGV;
    """#
}
