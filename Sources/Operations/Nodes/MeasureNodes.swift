import Btrfs
import SnapshotTree
import Store

/// The disk space that the content of a node takes, in bytes, after compression.
public struct NodeUsage: Sendable {
  /// The node.
  public let node: Node
  /// All data that it refers to, shared or not.
  public let referenced: Int64
  /// The data that nothing else refers to, not even an older generation of the node.
  public let exclusive: Int64
  /// The data that it shares with the content of its parent; nil at the top of a tree.
  public let sharedWithParent: Int64?
}

/// `du`: the disk space of nodes.
extension Store {
  /// Measures the content of nodes in the order of their numbers, or of all nodes if none is named. Needs no quota
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
