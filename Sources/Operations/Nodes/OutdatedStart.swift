import SnapshotTree
import Store

/// A node that runs, or starts next, as it was: it was changed since it was deployed.
public struct OutdatedStart: Sendable {
  /// The node.
  public let node: NodeID
  /// Whether it is what runs.
  public let isBooted: Bool

  /// What people should know about it.
  public var sentence: String {
    isBooted
      ? "the machine runs node \(node) as it was; `ast deploy \(node)` and a restart bring what has changed"
      : "the next start is of node \(node) as it was; `ast deploy \(node)` brings what has changed"
  }
}

extension Store {
  /// The nodes that run or start next, each with the generation that is its content.
  public func startedNodes() throws -> [NodeID: GenerationNumber] {
    let nodes = try Set(starts().map(\.node))
    return Dictionary(uniqueKeysWithValues: try nodes.compactMap(tree.node).map { ($0.id, $0.current) })
  }

  /// The nodes that run or start next as they were, by number.
  public func outdatedStarts() throws -> [OutdatedStart] {
    let (starts, running) = (try starts(), try bootedNode())
    return try startedNodes().sorted { $0.key < $1.key }.compactMap { node, current in
      let isUpToDate = try starts.contains { start in
        try start.node == node && (start.number == current || has(current, of: node, onlyTheEtcOf: start.number))
      }
      return isUpToDate ? nil : OutdatedStart(node: node, isBooted: node == running)
    }
  }

  /// The generations that run or start next.
  private func starts() throws -> [GenerationID] {
    let next = try [tree.onceDeployment, tree.defaultDeployment].compactMap(\.self).compactMap(tree.deployment)
    let deployed = next.map { GenerationID($0.node, $0.generation) }
    return switch try booted() {
    case .deployment(let running): deployed + [GenerationID(running.node, running.generation)]
    case .trial(let generation): deployed + [generation.id]
    case nil: deployed
    }
  }

  /// Whether a generation only brought the changes that the machine made in /etc into its node.
  private func has(
    _ number: GenerationNumber, of node: NodeID, onlyTheEtcOf deployed: GenerationNumber
  ) throws -> Bool {
    let operation = try tree.generation(of: node, number)?.operation.flatMap(tree.operation)
    return operation?.kind == "etc-update" && operation?.from == deployed
  }
}
