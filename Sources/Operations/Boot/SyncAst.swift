import Host
import Nodes
import Rootfs
import SnapshotTree
import Store

/// `ast-sync`: installs this version of ast and its boot files in nodes.
extension Store {
  /// Installs them in each of these nodes, or in all but the base if none is named, each in its own transaction. A node
  /// that fails keeps its content and does not stop the others; an interruption stops at once.
  ///
  /// - Parameter progress: called with each result as soon as it is known.
  /// - Throws: `AstError` before anything is done, if a node does not exist or is the base.
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
