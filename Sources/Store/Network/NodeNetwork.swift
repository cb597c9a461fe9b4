import Glibc
import Host
import Sandbox
import Settings
import SystemPackage

/// What programs in a node need a network for.
package enum NetworkUse: Sendable {
  /// A node's apt fetches.
  case fetching
  /// A program runs that the user has named.
  case running
}

/// The network of the programs of a transaction, which is made while other things are done.
package struct NodeNetwork {
  private enum Kind {
    case host
    case own(UserNetwork, PasstRequirement)
    case wrongSettings(any Error)
  }
  private let kind: Kind

  /// Waits until it is made.
  ///
  /// - Throws: `AstError`: why there is none.
  package func made() throws(AstError) -> Sandbox.Network {
    do {
      switch kind {
      case .host: return .host
      case .own(let network, let passt):
        try passt.check()
        try network.started()
        return .joined(network)
      case .wrongSettings(let error): throw error
      }
    } catch {
      throw AstError(noNetwork: error)
    }
  }

  /// Whether it is a network of its own, which closes the machine's services to programs.
  package var isOwn: Bool { if case .own = kind { true } else { false } }

  /// Begins to make the network of a store's programs.
  fileprivate init(for use: NetworkUse, _ settings: () throws -> NetworkSettings) {
    do {
      let settings = try settings()
      guard settings.isolation == .on else {
        kind = .host
        return
      }
      let ports = use == .fetching ? settings.loopbackPorts : []
      let network = UserNetwork {
        let user = try Self.owner()
        var plan = UserNetwork.Plan(pasta: Self.program, user: user.uid, group: user.gid)
        plan.loopbackPorts = ports
        plan.refused = use == .fetching ? [] : Self.metadata
        return plan
      }
      kind = .own(network, PasstRequirement())
    } catch {
      kind = .wrongSettings(error)
    }
  }

  private static func owner() throws -> (uid: uid_t, gid: gid_t) {
    var entry = passwd()
    var found: UnsafeMutablePointer<passwd>?
    var buffer = [CChar](repeating: 0, count: 1 << 14)
    guard getpwnam_r(ownerName, &entry, &buffer, buffer.count, &found) == 0, found != nil, entry.pw_uid != 0 else {
      throw NoOwner()
    }
    return (entry.pw_uid, entry.pw_gid)
  }

  private static let program: FilePath = "/usr/bin/pasta"
  /// The user of /usr/lib/sysusers.d/ast.conf.
  static let ownerName = "_ast-net"
  /// Where machines in a cloud find their credentials. Fetching from the mirrors of a cloud may need it.
  private static let metadata = ["169.254.169.254", "fd00:ec2::254"].compactMap { AddressPrefix($0) }
}

extension Store {
  /// Begins to make a network for programs in nodes, as the machine's settings say.
  package func network(for use: NetworkUse) -> NodeNetwork { NodeNetwork(for: use) { try settings.network } }
}

/// There is no user for networks.
private struct NoOwner: Error {}

extension AstError {
  /// The sentences about a network that could not be made.
  fileprivate init(noNetwork error: any Error) {
    let (reason, advice) =
      switch error {
      case let error as PasstRequirement.Failure: Self.words(error)
      case is NoOwner: ("there is no user \(NodeNetwork.ownerName)", "`systemd-sysusers ast.conf` makes it")
      case let error as UserNetworkError: Self.words(error)
      default: (AstError(error).reason, AstError(error).hint)
      }
    let off = "allow the machine's own network: network.isolation = \"off\" in \(Settings.file)"
    if error as? UserNetworkError == .late {
      self.init(
        .failed, "no network for this transaction: \(reason)", hint: advice.map { "\($0); if it stays so, \(off)" })
      return
    }
    let hint = error is ConfigurationError ? advice : advice.map { "\($0), or \(off)" } ?? off
    self.init(.failed, "no network for this transaction: \(reason)", hint: hint)
  }

  private static func words(_ failure: PasstRequirement.Failure) -> (String, String?) {
    let install = "install passt \(PasstRequirement.oldest) or newer"
    return switch failure {
    case .missing: ("passt is not installed", install)
    case .old(let version): ("passt \(version) is too old to keep a node's programs from the machine", install)
    }
  }

  private static func words(_ error: UserNetworkError) -> (String, String?) {
    switch error {
    case .addresses(let errno): ("the machine's addresses cannot be listed (\(errno))", nil)
    case .processes(let errno): ("a process cannot be started (\(errno))", nil)
    case .namespaces(let errno):
      ("user namespaces are not allowed here (\(errno))", "allow them (user_namespaces(7))")
    case .program(let errno): ("pasta cannot be executed (\(errno))", "install passt again")
    case .pasta(let message): ("pasta could not start (\(message)\(tunnelWords))", tunnelAdvice)
    case .late: ("pasta was not ready after 5 seconds\(tunnelWords)", tunnelAdvice ?? "try again: the machine was busy")
    case .filter(let errno): ("the machine's addresses cannot be refused (\(errno))", nil)
    }
  }

  private static var tunnelWords: String { tunnelAdvice == nil ? "" : ": /dev/net/tun is missing" }

  private static var tunnelAdvice: String? {
    access("/dev/net/tun", F_OK) == 0 ? nil : "load the module: `modprobe tun`"
  }
}
