internal import FoundationEssentials

/// All facts of the database about one node, for a file beside it that people can read and from which the tree can be
/// rebuilt.
///
/// It does not contain the packages, which are in the subvolumes themselves, and the history.
public struct NodeRecord: Hashable, Codable, Sendable {
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
