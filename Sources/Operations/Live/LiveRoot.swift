import FoundationEssentials
import Glibc
import Host
import Sandbox
import SnapshotTree
import Store
import SystemPackage

/// The running system, where it may be changed: its root is read-only for everybody else.
public struct LiveRoot {
  /// The node that the running deployment is of.
  public let node: NodeID

  /// Makes the root writable for this process and its children. The process has mounts of its own.
  ///
  /// - Throws: `AstError` (refused) where this machine does not run from a deployment of the store.
  public init(of store: Store) throws {
    let deployment = try store.requireRunningDeployment(hint: "`ast chroot` opens a node")
    node = deployment.node
    try PrivateMounts.makeWritable("/")
    // What was installed live is mounted over it.
    for place: FilePath in ["/usr", "/opt"] where try MountTable.source(at: place) != nil {
      try PrivateMounts.makeWritable(place)
    }
  }

  /// Becomes a shell in it: the one the user has.
  ///
  /// - Throws: `AstError` where there is no such program.
  public func becomeShell() throws -> Never {
    let shell = ProcessInfo.processInfo.environment["SHELL"] ?? "/bin/sh"
    // To the hooks that keep apt and dpkg off the running system: this is meant.
    setenv("AST_LIVE", "1", 1)
    shell.withCString { name in
      var words = [strdup(name), nil]
      execv(name, &words)
    }
    throw AstError(.failed, "cannot run \(shell): \(Errno(rawValue: errno))", state: .unchanged)
  }
}
