internal import FoundationEssentials

/// All facts of the database about one node, for a file beside it that people can read and from which the tree can be
/// rebuilt.
///
/// It does not contain the packages, which are in the subvolumes themselves, and the history.
public struct NodeRecord: Hashable, Sendable {
  /// The node.
  public var node: Node
  /// Its generations, newest first. Their `manifest` is nil.
  public var generations: [Generation]
  /// Whether it is the default node.
  public var isDefault: Bool
  /// The next node's number when this was written: a deleted node's number is not reused.
  public var nextNode: NodeID

  /// A record with these facts.
  public init(node: Node, generations: [Generation], isDefault: Bool, nextNode: NodeID) {
    self.node = node
    self.generations = generations
    self.isDefault = isDefault
    self.nextNode = nextNode
  }

  /// Reads what `json()` wrote, in this version or another.
  public init(json: some Sequence<UInt8>) throws(TreeError) {
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .iso8601
    do {
      self = try decoder.decode(NodeRecord.self, from: Data(json))
    } catch {
      throw .unreadableRecord(reason: "\(error)")
    }
  }

  /// The record as text: indented, with sorted keys and a newline at the end, so that equal records are equal files.
  public func json() throws(TreeError) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.dateEncodingStrategy = .iso8601
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    do {
      return Array(try encoder.encode(self)) + [UInt8(ascii: "\n")]
    } catch {
      throw .unreadableRecord(reason: "\(error)")
    }
  }
}

extension NodeRecord: Codable {
  private enum CodingKeys: String, CodingKey { case node, generations, isDefault, nextNode, movedUnder }

  /// Decodes a record of any version.
  public init(from decoder: any Decoder) throws {
    let object = try decoder.container(keyedBy: CodingKeys.self)
    node = try object.decode(Node.self, forKey: .node)
    generations = try object.decode([Generation].self, forKey: .generations)
    isDefault = try object.decode(Bool.self, forKey: .isDefault)
    nextNode = try object.decode(NodeID.self, forKey: .nextNode)
    node.parent = try object.decodeIfPresent(NodeID.self, forKey: .movedUnder) ?? node.parent
  }

  /// Encodes the record. ast 0.1.0 takes one with a parent of a higher number for damaged, so such a parent, which a node
  /// gets when it is moved, has a member of its own: for 0.1.0, the node is at the top.
  public func encode(to encoder: any Encoder) throws {
    var (node, moved) = (node, NodeID?.none)
    if let parent = node.parent, parent > node.id { (node.parent, moved) = (nil, parent) }
    var object = encoder.container(keyedBy: CodingKeys.self)
    try object.encode(node, forKey: .node)
    try object.encode(generations, forKey: .generations)
    try object.encode(isDefault, forKey: .isDefault)
    try object.encode(nextNode, forKey: .nextNode)
    try object.encodeIfPresent(moved, forKey: .movedUnder)
  }
}

extension TreeDatabase {
  /// The record of a node.
  public func record(of id: NodeID) throws(TreeError) -> NodeRecord {
    NodeRecord(
      node: try requireNode(id),
      generations: try generations(of: id).map { generation in
        var generation = generation
        generation.manifest = nil
        return generation
      },
      isDefault: try defaultNode == id,
      nextNode: try nextNode)
  }
}
