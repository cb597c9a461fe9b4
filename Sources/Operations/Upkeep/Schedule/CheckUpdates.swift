import Host
import Packages
import SnapshotTree
import Store

/// What became of unattended upgrades.
public struct UpdateCheck: Sendable {
  /// The last unattended upgrade of each node that had one.
  public let nodes: [(node: Node, operation: Operation)]
  /// The machine as a whole; nil if only one node was asked for.
  public let machine: MachineUpdates?

  /// The kind of failure that the exit status reports; nil if nothing has failed.
  public var failure: AstError.Code? {
    if nodes.contains(where: { ![.done, .running].contains($0.operation.state) }) { return .partial }
    return machine?.hasFailed ?? false ? .failed : nil
  }
}

/// `check`: what became of unattended upgrades.
extension Store {
  /// Looks it up for one node, or for all nodes and the machine.
  public func checkUpdates(of node: NodeID? = nil) throws -> UpdateCheck {
    UpdateCheck(nodes: try lastUpdates(of: node), machine: node == nil ? try MachineUpdates(of: self) : nil)
  }
}
