import FoundationEssentials
import Nodes
import SnapshotTree

extension NodeFacts {
  /// The text in the STATE column.
  var state: String {
    var words: [String] = []
    if isBooted { words.append("booted") }
    if isDefault { words.append("default") }
    words += tags.filter { $0.generation == nil }.map { "tag \($0.name)" }
    if deployments.contains(where: \.isPinned) || !pinnedGenerations.isEmpty { words.append("pinned") }
    if !deployments.isEmpty { words.append("deployed") }
    if let running { words.append("\(running.kind) running") }
    return words.joined(separator: ", ")
  }
}

/// A node as `--json` shows it.
struct NodeReport: Encodable {
  let node: NodeID
  @Nullable var parent: NodeID?
  let description: String
  let created: Date
  let generation: GenerationNumber
  @Nullable var previous: GenerationNumber?
  let changed: Date
  let uuid: String
  let path: String
  @Nullable var packages: Int?
  @Nullable var size: Int64?
  let isDefault: Bool
  let isBooted: Bool
  let deployments: [DeploymentID]
  let pinned: Bool
  @Nullable var running: String?
  let tags: [TagReport]
  let pinnedGenerations: [GenerationNumber]

  init(_ facts: NodeFacts) {
    node = facts.node.id
    parent = facts.node.parent
    description = facts.node.description
    created = facts.node.created
    generation = facts.generation.number
    previous = facts.node.previous
    changed = facts.generation.created
    uuid = "\(facts.generation.subvolume)"
    path = facts.generation.path.string
    packages = facts.packages
    size = facts.generation.size
    isDefault = facts.isDefault
    isBooted = facts.isBooted
    deployments = facts.deployments.map(\.id)
    pinned = facts.deployments.contains(where: \.isPinned)
    running = facts.running?.kind
    tags = facts.tags.map(TagReport.init)
    pinnedGenerations = facts.pinnedGenerations
  }
}
