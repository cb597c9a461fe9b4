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
  /// A sandbox with a node's clone as its root: name resolution as the host has it, no services, no boot loader, and an
  /// environment made from scratch.
  package func sandbox(for id: NodeID, at root: FilePath, network: Sandbox.Network) throws -> Sandbox {
    var sandbox = Sandbox(root: root)
    let environment = try NodeEnvironment(in: self)
    let resolver = if case .joined = network { try environment.resolver() } else { Sandbox.Bind.resolverConfiguration }
    sandbox.binds = [resolver, Sandbox.Bind(environment.path, at: NodeEnvironment.inside)]
    sandbox.startsServices = false
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
    for name in ["http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "SOURCE_DATE_EPOCH"] {
      sandbox.environment[name] = host[name]
    }
    return sandbox
  }

  /// The shell of root in a node, as a command: the one in the node's /etc/passwd.
  public func shell(of id: NodeID) throws -> [String] {
    let root = RootDirectory(try subvolume(of: try current(try node(id))).path)
    let users = AccountFile<PasswdEntry>(try root.contents(of: "/etc/passwd") ?? Data()).entries
    return [users.first { $0.name == "root" }?.shell ?? "/bin/sh"]
  }
}
