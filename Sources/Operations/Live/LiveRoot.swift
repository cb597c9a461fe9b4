import FoundationEssentials
import Glibc
import Host
import Sandbox
import SnapshotTree
import Store
import SystemPackage

/// The running system with a root that this process can write to; for all other processes it stays read-only.
public struct LiveRoot {
  /// The node of the running deployment.
  public let node: NodeID

  /// Makes the root writable for this process and its children. The process has its own mounts.
  ///
  /// - Throws: `AstError` (refused) if this machine does not run from a deployment of the store.
  public init(of store: Store) throws {
    let deployment = try store.requireRunningDeployment(hint: "`ast chroot` opens a node")
    node = deployment.node
    try WritableRoot.make()
    try CoveredPrograms.remove()
  }

  /// Replaces this process by the user's shell.
  ///
  /// - Throws: `AstError` if there is no such program.
  public func becomeShell() throws -> Never {
    let shell = ProcessInfo.processInfo.environment["SHELL"] ?? "/bin/sh"
    // Tells the hooks that keep apt and dpkg off the running system that this is intended.
    setenv("AST_LIVE", "1", 1)
    let covered = CoveredPrograms.searchPath.joined(separator: ":")
    if let path = getenv("PATH").map({ String(cString: $0) }), !covered.isEmpty, path.hasPrefix("\(covered):") {
      setenv("PATH", String(path.dropFirst(covered.count + 1)), 1)
    }
    shell.withCString { name in
      var words = [strdup(name), nil]
      execv(name, &words)
    }
    throw AstError(.failed, "cannot run \(shell): \(Errno(rawValue: errno))", state: .unchanged)
  }
}
