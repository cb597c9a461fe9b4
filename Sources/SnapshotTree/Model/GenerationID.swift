/// A generation of a node, by their numbers. It is written `NODE@n`.
public struct GenerationID: Hashable, Comparable, Codable, Sendable, CustomStringConvertible {
  /// The node.
  public var node: NodeID
  /// The number of the generation within the node.
  public var number: GenerationNumber

  /// The generation with this number.
  public init(_ node: NodeID, _ number: GenerationNumber) {
    self.node = node
    self.number = number
  }

  /// Such as `1@3`.
  public var description: String { "\(node)@\(number)" }

  /// The order of the nodes, and in each the order of creation.
  public static func < (left: GenerationID, right: GenerationID) -> Bool {
    (left.node, left.number) < (right.node, right.number)
  }
}

extension Generation {
  /// The generation, by its numbers.
  public var id: GenerationID { GenerationID(node, number) }
}
