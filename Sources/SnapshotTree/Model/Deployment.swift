public import FoundationEssentials
public import SystemPackage

/// A bootable instance of one generation. As long as it exists, its generation and node cannot be deleted.
public struct Deployment: Hashable, Codable, Sendable, Identifiable {
  /// Its number.
  public var id: DeploymentID
  /// The node whose generation it has.
  public var node: NodeID
  /// The generation it was made of: what it was before anything was changed in it.
  public var generation: GenerationNumber
  /// When it was made. Kept to the second.
  public var created: Date
  /// Whether it boots.
  public var state: DeploymentState
  /// Whether the user wants it kept.
  public var isPinned: Bool
  /// The subvolume it boots; nil in a database of an older version.
  public var subvolume: SubvolumeUUID?
  /// What boots it; nil in a database of an older version.
  public var boot: BootFiles?
  /// Why it does not boot, where that is known.
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

  /// Where the subvolume is, relative to the store: `deploy/<number>/root`.
  public var path: FilePath { Deployment.path(of: id) }

  /// Where the subvolume of a deployment is, relative to the store.
  public static func path(of deployment: DeploymentID) -> FilePath { FilePath("deploy/\(deployment)/root") }
}
