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
      guard let reason = protected[node.id] else { continue }
      let below = node.id == top ? "" : ", which is below node \(top)"
      throw AstError(.refused, "node \(node.id)\(below) \(reason) and cannot be deleted", state: .unchanged)
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

  /// Why each protected node is protected: the words that follow "node N".
  func protections() throws -> [NodeID: String] {
    var reasons: [NodeID: String] = [.base: "is the base"]
    for pinned in try tree.pinnedGenerations() { reasons[pinned.node] = "has a pinned generation" }
    for tag in try tree.tags() { reasons[tag.node] = "has the tag \(tag.name)" }
    for deployment in try tree.deployments() where deployment.isPinned {
      reasons[deployment.node] = "has a pinned deployment"
    }
    if let once = try tree.onceDeployment.flatMap(tree.deployment) { reasons[once.node] = "boots the next time" }
    if let previous = try tree.previousDeployment.flatMap(tree.deployment) {
      reasons[previous.node] = "is the last system known to be good"
    }
    for deployment in try (RunNote(in: root)?.deployments ?? []).compactMap(tree.deployment) {
      reasons[deployment.node] = "has the deployment that ran last"
    }
    if let node = try defaultNode() { reasons[node] = "is the default" }
    if let node = try bootedNode() { reasons[node] = "is booted" }
    reasons[.base] = "is the base"
    return reasons
  }
}
