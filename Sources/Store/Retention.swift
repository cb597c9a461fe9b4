import FoundationEssentials
import Host
import Settings
import SnapshotTree

/// Which old generations of a node stay. One that is needed stays whatever a retention says.
public struct Retention: Sendable, Equatable {
  /// How many generations stay, the newest ones.
  let count: Int
  /// The time before which a generation was made that goes although it is one of the newest; nil: none goes for its age.
  let start: Date?

  /// A retention by number, and by age where a start is given.
  package init(count: Int, since start: Date? = nil) {
    self.count = count
    self.start = start
  }

  /// Nothing stays but what is needed.
  package static let nothing = Retention(count: 0)

  /// Those of a node's generations, the newest first, that do not stay for their own sake.
  func outdated(_ generations: [Generation]) -> [Generation] {
    generations.enumerated().filter { index, generation in
      index >= count || start.map { generation.created < $0 } ?? false
    }.map(\.element)
  }
}

/// What goes by retention: never what somebody could still need.
extension Store {
  /// The generations of a node that go, the newest first: never the current one, the one before it, or one that is
  /// deployed or runs.
  ///
  /// - Parameter leaving: deployments that go too, and need nothing any more.
  package func retirable(
    _ node: NodeID, by retention: Retention, without leaving: Set<DeploymentID> = []
  ) throws -> [Generation] {
    let present = try self.node(node)
    var needed = Set(try tree.deployments(of: node).filter { !leaving.contains($0.id) }.map(\.generation))
    needed.formUnion([present.current, present.previous].compactMap(\.self))
    if case .trial(let running) = try booted(), running.node == node { needed.insert(running.number) }
    return retention.outdated(try tree.generations(of: node)).filter { !needed.contains($0.number) }
  }

  /// What the administrator wants kept; nil where that cannot be read: nothing goes until it can.
  private var keepSettings: KeepSettings? {
    do {
      return try reader.machine().keep
    } catch {
      warn("\(AstError(error).reason); nothing old is deleted")
      return nil
    }
  }

  /// Condemns the oldest generations of a node beyond the number that is kept.
  func retire(_ node: NodeID) throws {
    guard let keep = keepSettings else { return }
    let retention = Retention(count: try keep.generations ?? tree.keepGenerations)
    try tree.deleteGenerations(try retirable(node, by: retention).map { (node, $0.number) })
  }

  /// The deployments beyond the number that is kept, the newest first: never one that is pinned or needed.
  package func retirableDeployments() throws -> [Deployment] {
    guard let keep = keepSettings else { return [] }
    let needed = try neededDeployments()
    let unpinned = try tree.deployments().reversed().filter { !$0.isPinned }
    return unpinned.dropFirst(try keep.deployments ?? tree.keepDeployments).filter { !needed.contains($0.id) }
  }

  /// Condemns the oldest deployments beyond the number that is kept.
  package func retireDeployments() throws {
    for deployment in try retirableDeployments() { try tree.delete(deployment.id) }
  }

  /// The deployments that no command removes, pinned ones apart.
  package func neededDeployments() throws -> Set<DeploymentID> {
    Set(
      [
        try tree.defaultDeployment, try tree.previousDeployment, try tree.onceDeployment,
        try booted()?.deployment?.id,
      ].compactMap(\.self))
  }
}
