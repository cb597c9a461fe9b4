import Host
import Nodes
import Rootfs
import SnapshotTree
import Store

/// `ast-sync`: this ast in nodes, with the files they need to boot as deployments.
extension Store {
  /// Brings it into each of the nodes, in a transaction of its own; without any, into all but the base. A node that fails
  /// keeps its content and does not stop the others; an interruption stops at once.
  ///
  /// - Parameter progress: called with each result as it is there.
  /// - Throws: `AstError` before anything is done: a node is not there, or the base.
  public func syncAst(_ ids: [NodeID], progress: (TreeRunResult) -> Void) throws -> [TreeRunResult] {
    let nodes = try ids.isEmpty ? tree.nodes().filter { $0.id != .base } : ids.map(node)
    guard !nodes.contains(where: { $0.id == .base }) else { throw AstError.base }
    var results: [TreeRunResult] = []
    for node in nodes {
      let outcome = Result { try edit(node.id, as: "ast-sync", work: installSystemFiles) }.mapError(AstError.init)
      let result = TreeRunResult(node: node, outcome: outcome)
      progress(result)
      results.append(result)
      if Interruption.pending != nil { break }
    }
    return results
  }
}
