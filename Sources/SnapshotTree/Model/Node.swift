public import FoundationEssentials

/// An entry of the snapshot tree.
public struct Node: Hashable, Codable, Sendable, Identifiable {
  /// Its number.
  public var id: NodeID
  /// The node that it is below: the one it was branched from or moved to. Nil for base and for other roots of a tree.
  public var parent: NodeID?
  /// The user's description: any text.
  public var description: String
  /// The time it was made, to the second.
  public var created: Date
  /// The generation that is its content.
  public var current: GenerationNumber
  /// The generation that `undo` goes back to.
  public var previous: GenerationNumber?
  /// The number of its next generation.
  public var nextGeneration: GenerationNumber

  /// A node with these facts.
  public init(
    id: NodeID, parent: NodeID?, description: String, created: Date, current: GenerationNumber,
    previous: GenerationNumber? = nil, nextGeneration: GenerationNumber
  ) {
    self.id = id
    self.parent = parent
    self.description = description
    self.created = created
    self.current = current
    self.previous = previous
    self.nextGeneration = nextGeneration
  }
}
