import Btrfs
import FoundationEssentials
import Host
import Settings
import SnapshotTree
import Store

/// The facts that `tree --long`, `info`, `status` and `history` show, from the database, which every user may read.
public struct NodeFacts: Sendable {
  /// The node.
  public let node: Node
  /// Its current generation, or the one that was asked for.
  public let generation: Generation
  /// How many packages are installed in it; nil if it has no dpkg.
  public let packages: Int?
  /// Its deployments, newest first.
  public let deployments: [Deployment]
  /// Whether it boots by default.
  public let isDefault: Bool
  /// Whether it is running.
  public let isBooted: Bool
  /// The operation that is running on it.
  public let running: Operation?
  /// The tags of the node and of its generations.
  public let tags: [Tag]
  /// Its pinned generations, oldest first.
  public let pinnedGenerations: [GenerationNumber]
}

/// The state of a store as a whole.
public struct Overview: Sendable {
  /// How many nodes there are.
  public let nodes: Int
  /// The node that boots by default.
  public let defaultNode: NodeID?
  /// The booted system; nil if this machine does not run from this store.
  public let booted: Booted?
  /// The deployments, newest first.
  public let deployments: [DeploymentFacts]
  /// The operations that are running.
  public let running: [Operation]
  /// The paths that were changed in the adopted system after the adoption, so that the running deployment does not have
  /// the changes.
  public let leftBehind: [String]
  /// Whether programs in nodes have a network of their own; ``NetworkSettings/Isolation/on`` if the settings are wrong.
  public let isolation: NetworkSettings.Isolation
  /// The space of the file system the store is on.
  public let space: Space

  /// The running deployment and the older default one, if the running one was started just once: the next start goes
  /// back to the default.
  public var leftAtNextStart: (running: Deployment, next: Deployment)? {
    guard let running = booted?.deployment, let next = deployments.first(where: \.isDefault)?.deployment,
      next.id < running.id, running.state != .failed,
      !deployments.contains(where: { $0.isOnce && $0.deployment.id != running.id })
    else { return nil }
    return (running, next)
  }
}

extension Store {
  /// Facts about every node, by number.
  public func facts() throws -> [NodeFacts] {
    try tree.read { tree in
      let generations = Dictionary(
        try tree.currentGenerations().map { ($0.node, $0) },
        uniquingKeysWith: { first, _ in first })
      return try gather(tree.nodes(), generations)
    }
  }

  /// Facts about one node, or about one of its generations.
  public func facts(of reference: GenerationReference) throws -> NodeFacts {
    try tree.read { _ in
      let node = try node(reference.node)
      guard let facts = try gather([node], [node.id: generation(reference)]).first else {
        throw AstError.unknown(node.id)
      }
      return facts
    }
  }

  private func gather(_ nodes: [Node], _ generations: [NodeID: Generation]) throws -> [NodeFacts] {
    let deployments = Dictionary(grouping: try tree.deployments(), by: \.node)
    let tags = Dictionary(grouping: try tree.tags(), by: \.node)
    let pinned = Dictionary(grouping: try tree.pinnedGenerations(), by: \.node)
    let running = Dictionary(
      try running().compactMap { operation in operation.node.map { ($0, operation) } },
      uniquingKeysWith: { first, _ in first })
    let (byDefault, booted) = (try defaultNode(), try bootedNode())
    var counts: [ManifestID: Int] = [:]
    return try nodes.map { node in
      let generation = try generations[node.id] ?? current(node)
      let packages = try generation.manifest.map { manifest in
        let count = try counts[manifest] ?? tree.packageCount(in: manifest)
        counts[manifest] = count
        return count
      }
      return NodeFacts(
        node: node, generation: generation, packages: packages,
        deployments: deployments[node.id] ?? [], isDefault: node.id == byDefault, isBooted: node.id == booted,
        running: running[node.id], tags: tags[node.id] ?? [],
        pinnedGenerations: pinned[node.id]?.map(\.number) ?? [])
    }
  }

  /// The operations whose commands are alive. The operation of a killed command is entered as running until the next
  /// change.
  package func running() throws -> [Operation] {
    try tree.running().filter(isAtWork)
  }

  /// The paths that the adoption left behind, reported only while the first deployment is running.
  private func leftBehind() throws -> [String] {
    guard let running = try booted()?.deployment, try tree.deployments().first?.id == running.id else { return [] }
    return try AdoptionRecord(in: root)?.leftBehind ?? []
  }

  /// The state of the store.
  public func overview() throws -> Overview {
    Overview(
      nodes: try tree.nodeCount, defaultNode: try defaultNode(), booted: try booted(),
      deployments: try deploymentFacts(), running: try running(), leftBehind: try leftBehind(),
      isolation: (try? settings.network.isolation) ?? .on, space: try FileSystem.space(of: root))
  }
}
