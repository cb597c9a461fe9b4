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
/// transaction), the database commit makes it a node. A crash between the two leaves a directory with the number of the
/// next new node, whose change removes it.
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
      let made = try copy(origin, under: parent, description: description.text, operation)
      return Made(node: made, operation: operation)
    }
  }

  /// Snapshots a generation as the first generation of a new node and enters it.
  func copy(
    _ origin: Generation, under parent: NodeID?, description: String, _ operation: OperationID
  ) throws -> Node {
    let subvolume = try subvolume(of: origin)
    var id = try tree.allocateNode()
    while isTaken(id) { id = try tree.allocateNode() }
    let first = GenerationNumber(1)
    try Files.makeDirectory(directory(of: id))
    failPoint("directory of the new node made")
    let copy = try subvolume.snapshot(to: path(of: id, first), readOnly: true)
    failPoint("snapshot made")
    let now = Date()
    let node = Node(
      id: id, parent: parent, description: description, created: now, current: first, previous: nil,
      nextGeneration: GenerationNumber(2))
    try tree.insert(
      node,
      Generation(
        node: id, number: first, subvolume: SubvolumeUUID(try copy.info().uuid), created: now, operation: operation,
        manifest: origin.manifest, size: origin.size, boot: origin.boot))
    return node
  }
}
