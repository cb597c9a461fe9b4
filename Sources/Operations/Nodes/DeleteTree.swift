import Glibc
import Host
import SnapshotTree
import Store
import SystemPackage

/// `del`: a node and everything below it.
extension Store {
  /// The nodes that `del` would delete: the node and its descendants.
  ///
  /// - Throws: `AstError` (refused) if one of them is protected.
  public func deletable(_ top: NodeID) throws -> [Node] {
    let nodes = try subtree(top)
    let protected = try protections()
    for node in nodes {
      guard let protection = protected[node.id] else { continue }
      let below = node.id == top ? "" : ", which is below node \(top)"
      throw AstError(
        .refused, "node \(node.id)\(below) \(protection.reason) and cannot be deleted", state: .unchanged,
        hint: protection.end.map { "`\($0)` ends that" })
    }
    return nodes
  }

  /// Deletes a node and its descendants as one change: rows first, then the subvolumes.
  public func deleteTree(_ top: NodeID) throws -> Changed {
    var held: [NodeID: Lock] = [:]
    let present = try deletable(top)
    OpenFileLimit.raise(for: present.count)
    for node in present { held[node.id] = try lockUnlessFull(node.id, wait) }
    defer { withExtendedLifetime(held) {} }
    return try change(holding: Array(held.keys)) {
      let nodes = try deletable(top)
      // A branch that was added meanwhile is deleted too.
      for node in nodes where held[node.id] == nil { held[node.id] = try lockUnlessFull(node.id, .never) }
      let operation = try recordOperation("del", on: top)
      // These deployments are not needed: a node whose deployment is needed is protected.
      for deployment in try nodes.flatMap({ try tree.deployments(of: $0.id) }) { try tree.delete(deployment.id) }
      try tree.deleteNodes(nodes.map(\.id))
      return Changed(nodes: nodes, operation: operation)
    }
  }

  /// Locks a node. If the lock file cannot be created because the disk is full, no other command can hold the lock. A
  /// command that takes it meanwhile has to wait for the tree's lock, and then finds the node gone.
  package func lockUnlessFull(_ id: NodeID, _ wait: LockWait) throws -> Lock? {
    do {
      return try lock(id, wait)
    } catch let error as FileError where error.errno == .noSpace {
      return nil
    }
  }

  /// Why each protected node is protected.
  private func protections() throws -> [NodeID: Protection] {
    var found: [NodeID: Protection] = [:]
    for pinned in try tree.pinnedGenerations() {
      found[pinned.node] = Protection(reason: "has a pinned generation", end: "ast unpin \(pinned)")
    }
    for tag in try tree.tags() {
      found[tag.node] = Protection(reason: "has the tag \(tag.name)", end: "ast tag --delete \(tag.name)")
    }
    for deployment in try tree.deployments() where deployment.isPinned {
      found[deployment.node] = Protection(reason: "has a pinned deployment", end: "ast unpin \(deployment.id)")
    }
    if let once = try tree.onceDeployment.flatMap(tree.deployment) {
      found[once.node] = Protection(reason: "boots the next time")
    }
    if let previous = try tree.previousDeployment.flatMap(tree.deployment) {
      found[previous.node] = Protection(reason: "is the last system known to be good")
    }
    for deployment in try (RunNote(in: root)?.deployments ?? []).compactMap(tree.deployment) {
      found[deployment.node] = Protection(reason: "has the deployment that ran last")
    }
    if let node = try defaultNode() { found[node] = Protection(reason: "is the default") }
    if let node = try bootedNode() { found[node] = Protection(reason: "is booted") }
    found[.base] = Protection(reason: "is the base")
    return found
  }
}

/// Why a node cannot be deleted.
private struct Protection {
  /// The words that follow "node N".
  let reason: String
  /// The command that ends it; nil if no single one does.
  var end: String?
}
