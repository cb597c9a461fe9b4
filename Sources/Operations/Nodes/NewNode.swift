import Btrfs
import FoundationEssentials
import Glibc
import Host
import SnapshotTree
import Store
import SystemPackage

/// The place of a new node.
public enum Place: Sendable, Equatable {
  /// The top of a new tree.
  case top
  /// Below this node.
  case under(NodeID)
  /// Below the parent of the node that is cloned.
  case beside
}

/// `new`, `clone`, `branch`, `cbranch`, `ubranch`: a new node with the content of another.
///
/// There is one commit point and nothing to undo: the snapshot ioctl makes itself durable (fs/btrfs/ioctl.c commits the
/// transaction), the database commit makes it a node. A crash between the two leaves directories with the numbers of the
/// next new nodes, and the next change removes them.
extension Store {
  /// A new node, and the operation that made it.
  public struct Made: Sendable {
    /// The node.
    public let node: Node
    /// The operation.
    public let operation: OperationID
  }

  /// Makes a node with the content of `source`, now or in an earlier generation, at `place`.
  ///
  /// - Throws: `AstError` for an unknown node, no space, or a damaged store; then nothing is changed.
  public func addNode(_ source: GenerationReference, at place: Place, description: Description) throws -> Made {
    try change {
      let origin = try generation(source)
      let source = try node(source.node)
      let parent: NodeID? =
        switch place {
        case .top: nil
        case .under(let parent): try node(parent).id
        case .beside: source.parent
        }
      let operation = try recordOperation("clone", on: tree.nextNode)
      let id = try allocateNode()
      let new = NewNode(id: id, parent: parent, description: description.text, origin: origin)
      return Made(node: try make([new], operation)[0], operation: operation)
    }
  }

  /// Takes the number of a new node, which nothing else on the disk has.
  func allocateNode() throws -> NodeID {
    var id = try tree.allocateNode()
    while isTaken(id) { id = try tree.allocateNode() }
    return id
  }

  /// Snapshots generations as the first generations of new nodes, and enters these.
  ///
  /// All directories come before the first snapshot, by number: what a crash leaves has no gap, so all of it is found.
  ///
  /// - Parameter new: the nodes, by number, and each after its parent.
  func make(_ new: [NewNode], _ operation: OperationID) throws -> [Node] {
    let first = GenerationNumber(1)
    let snapshots = try new.map {
      SnapshotBatch.Item(source: try subvolume(of: $0.origin), target: path(of: $0.id, first))
    }
    for node in new {
      try Interruption.check()
      try Files.makeDirectory(directory(of: node.id))
      failPoint("directory of the new node made")
    }
    try SnapshotBatch(snapshots).make()
    return try zip(new, snapshots).map { new, snapshot in
      let now = Date()
      let node = Node(
        id: new.id, parent: new.parent, description: new.description, created: now, current: first, previous: nil,
        nextGeneration: GenerationNumber(2))
      try tree.insert(
        node,
        Generation(
          node: new.id, number: first, subvolume: SubvolumeUUID(try Subvolume(at: snapshot.target).info().uuid),
          created: now, operation: operation, manifest: new.origin.manifest, size: new.origin.size,
          boot: new.origin.boot))
      return node
    }
  }
}

/// A node that is to be made.
struct NewNode {
  let id: NodeID
  let parent: NodeID?
  let description: String
  /// The generation whose content it gets.
  let origin: Generation
}
