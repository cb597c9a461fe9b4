import DebianFormats
import Host
import Nodes
import Rootfs
import SnapshotTree
import Store

/// `ast-sync`: installs this version of ast and its boot files in nodes, and says what a node lacks to work with it.
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
      let outcome = Result { try edit(node.id, as: "ast-sync") { try installSystemFiles(into: $0) } }
        .mapError(AstError.init)
      let result = TreeRunResult(node: node, outcome: outcome)
      progress(result)
      results.append(result)
      if result.succeeded { try warnOfMissingPasst(in: node.id) }
      if Interruption.pending != nil { break }
    }
    return results
  }

  /// What is deployed from a node without passt has no network for its own transactions.
  private func warnOfMissingPasst(in id: NodeID) throws {
    guard try settings.network.isolation == .on else { return }
    let installed = try PackageDatabase.installed(in: path(of: id, node(id).current)) ?? []
    let oldest = PasstRequirement.oldest
    guard !installed.contains(where: { $0.name == "passt" && DebianVersion($0.version) >= DebianVersion(oldest) })
    else {
      return
    }
    warn("node \(id) has no passt \(oldest) or newer: `ast install \(id) passt` before you deploy it")
  }
}
