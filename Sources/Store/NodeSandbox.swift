import Btrfs
import Etc
import FoundationEssentials
import Host
import Sandbox
import Settings
import SnapshotTree
import SystemPackage

/// The sandbox in which programs run in a node.
extension Store {
  /// A sandbox with a node's clone as its root: no services, no boot loader, an environment made from scratch, and, if it
  /// has a network, name resolution as the host has it.
  package func sandbox(for id: NodeID, at root: FilePath, network: Sandbox.Network) throws -> Sandbox {
    var sandbox = Sandbox(root: root)
    let environment = try NodeEnvironment(in: self)
    sandbox.binds = [Sandbox.Bind(environment.path, at: NodeEnvironment.inside)]
    switch network {
    case .isolated: break
    case .host: sandbox.binds.append(.resolverConfiguration)
    case .joined: sandbox.binds.append(try environment.resolver())
    }
    // A clone has the policy as a file, which packages can replace.
    sandbox.startsServices = try LentFiles.havePolicy(in: root)
    sandbox.network = network
    // While the settings are wrong, the defaults hold.
    sandbox.limits = Sandbox.Limits(((try? settings) ?? Settings()).limits)
    let host = ProcessInfo.processInfo.environment
    sandbox.environment = [
      "PATH": NodeEnvironment.searchPath,
      "APT_CONFIG": "\(NodeEnvironment.inside)/apt.conf",
      "HOME": "/root",
      "USER": "root",
      "LOGNAME": "root",
      "SHELL": "/bin/sh",
      "LANG": "C.UTF-8",
      "TERM": host["TERM"] ?? "dumb",
      // Debian's shells show this in their prompt (/etc/bash.bashrc).
      "debian_chroot": "ast \(id)",
      // The shell's history stays out of the node: looking around must not count as a change.
      "HISTFILE": "",
      "AST_NODE": "\(id)",
    ]
    for name in Self.passedOn { sandbox.environment[name] = host[name] }
    return sandbox
  }

  /// The variables of a command that programs in a node get, too, besides `TERM`.
  package static let passedOn = ["http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "SOURCE_DATE_EPOCH"]

  /// The resolv.conf of programs in a network.
  package func resolver(for network: NodeNetwork) -> String { NodeEnvironment.resolverText(isOwn: network.isOwn) }

  /// The shell of root in a node, as a command: the one in the node's /etc/passwd.
  public func shell(of id: NodeID) throws -> [String] {
    let root = RootDirectory(try subvolume(of: try current(try node(id))).path)
    let users = AccountFile<PasswdEntry>(try root.contents(of: "/etc/passwd") ?? Data()).entries
    return [users.first { $0.name == "root" }?.shell ?? "/bin/sh"]
  }
}
