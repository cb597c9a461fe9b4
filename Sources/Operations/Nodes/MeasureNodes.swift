import Btrfs
import SnapshotTree
import Store

/// What the content of a node takes of the disk, in bytes, after compression.
public struct NodeUsage: Sendable {
  /// The node.
  public let node: Node
  /// All it refers to, whoever else does.
  public let referenced: Int64
  /// What nobody else refers to, no older generation of it either.
  public let exclusive: Int64
  /// What it has in common with the content of its parent; nil at the top of a tree.
  public let sharedWithParent: Int64?
}

/// `du`: what nodes cost.
extension Store {
  /// Measures the content of nodes, in the order of their numbers: all of them where none is named. Needs no quota
  /// groups; asks the kernel about each file, which takes a second for a Debian.
  ///
  /// - Parameter progress: called with each node before it is measured.
  public func measure(_ ids: [NodeID], progress: (NodeID) -> Void) throws -> [NodeUsage] {
    let nodes = try ids.isEmpty ? tree.nodes() : Set(ids).sorted().map { try node($0) }
    return try nodes.map { node in
      progress(node.id)
      let subvolume = try subvolume(of: try current(node))
      let usage = try subvolume.usage()
      let parent = try node.parent.map { try self.subvolume(of: try current(try self.node($0))) }
      return NodeUsage(
        node: node, referenced: usage.referenced, exclusive: usage.exclusive,
        sharedWithParent: try parent.map { try subvolume.bytes(sharedWith: $0) })
    }
  }
}
