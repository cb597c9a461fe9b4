public import FoundationEssentials

/// A bootable instance of one generation. As long as it exists, its generation and node cannot be deleted.
public struct Deployment: Hashable, Codable, Sendable, Identifiable {
  /// Its number.
  public var id: DeploymentID
  /// The node whose generation it has.
  public var node: NodeID
  /// The generation it was made of.
  public var generation: GenerationNumber
  /// When it was made. Kept to the second.
  public var created: Date
  /// Whether it boots.
  public var state: DeploymentState
  /// Whether the user wants it kept.
  public var isPinned: Bool

  /// A deployment with these facts.
  public init(
    id: DeploymentID, node: NodeID, generation: GenerationNumber, created: Date, state: DeploymentState = .trying,
    isPinned: Bool = false
  ) {
    self.id = id
    self.node = node
    self.generation = generation
    self.created = created
    self.state = state
    self.isPinned = isPinned
  }
}
