import FoundationEssentials
import Host
import Settings
import SnapshotTree

/// The rule by which old generations of a node are kept. A generation that is needed stays, whatever the rule says.
public struct Retention: Sendable, Equatable {
  /// How many of the newest generations stay.
  let count: Int
  /// Generations made before this time go, even the newest ones; nil: their age does not matter.
  let start: Date?
  /// Whether nothing goes of a node whose last change is a restoration.
  let keepsRestored: Bool

  /// A retention by number, and by age if a start is given.
  package init(count: Int, since start: Date? = nil, keepingRestored keepsRestored: Bool = false) {
    self.count = count
    self.start = start
    self.keepsRestored = keepsRestored
  }

  /// Keeps only the generations that are needed.
  package static let nothing = Retention(count: 0)

  /// The same rule for every node, whatever its last change is.
  package var deletingRestored: Retention { Retention(count: count, since: start) }

  /// The generations that the rule does not keep, of all generations of a node, the newest first.
  func outdated(_ generations: [Generation]) -> [Generation] {
    generations.enumerated().filter { index, generation in
      index >= count || start.map { generation.created < $0 } ?? false
    }.map(\.element)
  }
}

/// Deletion by retention: never of anything that could still be needed.
extension Store {
  /// The generations of a node that are to be deleted, the newest first: never the current one, the one before it, or
  /// one that is deployed, runs, is pinned or has a tag.
  ///
  /// - Parameter leaving: deployments that are deleted too, so that they no longer need their generations.
  package func retirable(
    _ node: NodeID, by retention: Retention, without leaving: Set<DeploymentID> = []
  ) throws -> [Generation] {
    let present = try self.node(node)
    if try retention.keepsRestored && isRestored(node) { return [] }
    var needed = Set(try tree.deployments(of: node).filter { !leaving.contains($0.id) }.map(\.generation))
    needed.formUnion([present.current, present.previous].compactMap(\.self))
    needed.formUnion(try tree.keptGenerations(of: node))
    if case .trial(let running) = try booted(), running.node == node { needed.insert(running.number) }
    return retention.outdated(try tree.generations(of: node)).filter { !needed.contains($0.number) }
  }

  /// Whether the last change of a node is a restoration. That kept the generation that its files are of, until the next
  /// change: more may be wanted of it.
  package func isRestored(_ id: NodeID) throws -> Bool {
    try tree.generation(of: id, node(id).current)?.operation.flatMap(tree.operation)?.kind == Operation.restoration
  }

  /// The administrator's settings for retention; nil if they cannot be read. Then nothing is deleted.
  private var keepSettings: KeepSettings? {
    do {
      return try settings.keep
    } catch {
      warn("\(AstError(error).reason); no old generations or deployments are deleted")
      return nil
    }
  }

  /// Condemns the oldest generations of a node beyond the number that is kept.
  ///
  /// - Parameter spared: a generation that stays until the next change.
  func retire(_ node: NodeID, sparing spared: GenerationNumber?) throws {
    guard let keep = keepSettings else { return }
    let retention = Retention(count: keep.generations)
    let old = try retirable(node, by: retention).map(\.number).filter { $0 != spared }
    try tree.deleteGenerations(old.map { (node, $0) })
  }

  /// Whether the next change of its node deletes a generation.
  package func goesWithTheNextChange(_ generation: GenerationID) throws -> Bool {
    guard let keep = keepSettings else { return false }
    // The next change makes one more generation.
    let retention = Retention(count: max(0, keep.generations - 1))
    return try retirable(generation.node, by: retention).contains { $0.number == generation.number }
  }

  /// The deployments beyond the number that is kept, the newest first: never one that is pinned or needed.
  package func retirableDeployments() throws -> [Deployment] {
    guard let keep = keepSettings else { return [] }
    let needed = try neededDeployments()
    let unpinned = try tree.deployments().reversed().filter { !$0.isPinned }
    return unpinned.dropFirst(keep.deployments).filter { !needed.contains($0.id) }
  }

  /// Condemns the oldest deployments beyond the number that is kept.
  ///
  /// - Returns: their numbers.
  package func retireDeployments() throws -> [DeploymentID] {
    let old = try retirableDeployments().map(\.id)
    for deployment in old { try tree.delete(deployment) }
    return old
  }

  /// The deployments, apart from pinned ones, that no command removes. The machine's newest /etc is in the one that ran
  /// last: another one may still have to get its changes.
  package func neededDeployments() throws -> Set<DeploymentID> {
    let chosen = [
      try tree.defaultDeployment, try tree.previousDeployment, try tree.onceDeployment, try booted()?.deployment?.id,
    ]
    return Set(chosen.compactMap(\.self)).union(try RunNote(in: root)?.deployments ?? [])
  }
}
