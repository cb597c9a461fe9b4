public import FoundationEssentials
public import SystemPackage

/// A bootable instance of one generation. While it exists, its generation and node cannot be deleted.
public struct Deployment: Hashable, Codable, Sendable, Identifiable {
  /// Its number.
  public var id: DeploymentID
  /// The node of its generation.
  public var node: NodeID
  /// The generation it was made of, without later changes.
  public var generation: GenerationNumber
  /// The time it was made, to the second.
  public var created: Date
  /// Whether it boots.
  public var state: DeploymentState
  /// Whether the user wants it kept.
  public var isPinned: Bool
  /// The subvolume it boots; nil in a database of an older version.
  public var subvolume: SubvolumeUUID?
  /// Its boot files; nil in a database of an older version.
  public var boot: BootFiles?
  /// The reason why it does not boot, if known.
  public var reason: String?

  /// A deployment with these facts.
  public init(
    id: DeploymentID, node: NodeID, generation: GenerationNumber, created: Date, state: DeploymentState = .trying,
    isPinned: Bool = false, subvolume: SubvolumeUUID? = nil, boot: BootFiles? = nil, reason: String? = nil
  ) {
    self.id = id
    self.node = node
    self.generation = generation
    self.created = created
    self.state = state
    self.isPinned = isPinned
    self.subvolume = subvolume
    self.boot = boot
    self.reason = reason
  }

  /// The path of the subvolume, relative to the store: `deploy/<number>/root`.
  public var path: FilePath { Deployment.path(of: id) }

  /// The path of a deployment's subvolume, relative to the store.
  public static func path(of deployment: DeploymentID) -> FilePath { FilePath("deploy/\(deployment)/root") }
}
