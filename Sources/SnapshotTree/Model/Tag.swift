/// A name that the user gave to a node, or to one of its generations, which is kept as long as it has the tag.
public struct Tag: Hashable, Codable, Sendable {
  /// The name: no other tag of the store has it.
  public var name: TagName
  /// The node.
  public var node: NodeID
  /// The generation at which the tag stays; nil if it follows the node.
  public var generation: GenerationNumber?

  /// A tag of a node, or of one of its generations.
  public init(name: TagName, node: NodeID, generation: GenerationNumber? = nil) {
    self.name = name
    self.node = node
    self.generation = generation
  }
}
