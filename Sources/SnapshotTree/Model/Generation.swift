public import FoundationEssentials
public import SystemPackage

/// One immutable content of a node: one read-only subvolume.
public struct Generation: Hashable, Codable, Sendable {
  /// The node.
  public var node: NodeID
  /// Its number within the node.
  public var number: GenerationNumber
  /// The subvolume with the content.
  public var subvolume: SubvolumeUUID
  /// The time it was sealed, to the second.
  public var created: Date
  /// The operation that made it.
  public var operation: OperationID?
  /// Its installed packages, if known.
  public var manifest: ManifestID?
  /// The bytes it refers to, shared ones included, if they were measured.
  public var size: Int64?
  /// Its boot files; nil without a kernel, in which case it cannot be deployed.
  public var boot: BootFiles?

  /// A generation with these facts.
  public init(
    node: NodeID, number: GenerationNumber, subvolume: SubvolumeUUID, created: Date, operation: OperationID? = nil,
    manifest: ManifestID? = nil, size: Int64? = nil, boot: BootFiles? = nil
  ) {
    self.node = node
    self.number = number
    self.subvolume = subvolume
    self.created = created
    self.operation = operation
    self.manifest = manifest
    self.size = size
    self.boot = boot
  }

  /// The path of the subvolume, relative to the store: `nodes/<node>/<number>`.
  public var path: FilePath { Generation.path(of: node, number) }

  /// The path of a generation's subvolume, relative to the store.
  public static func path(of node: NodeID, _ number: GenerationNumber) -> FilePath {
    FilePath("nodes/\(node)/\(number)")
  }
}
