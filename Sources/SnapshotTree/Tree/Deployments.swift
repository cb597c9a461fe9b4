internal import FoundationEssentials
internal import SQLite

/// The deployments.
extension TreeDatabase {
  private static let columns = "id, node, generation, created, state, pinned, subvolume, reason, \(bootColumns)"

  /// All deployments, by number.
  public func deployments() throws(TreeError) -> [Deployment] {
    try rows("SELECT \(TreeDatabase.columns) FROM deployment ORDER BY id", as: deployment)
  }

  /// The deployment, or nil.
  public func deployment(_ id: DeploymentID) throws(TreeError) -> Deployment? {
    try first("SELECT \(TreeDatabase.columns) FROM deployment WHERE id = ?", id, as: deployment)
  }

  /// The deployments that were made of a node, by number.
  public func deployments(of node: NodeID) throws(TreeError) -> [Deployment] {
    try rows("SELECT \(TreeDatabase.columns) FROM deployment WHERE node = ? ORDER BY id", node, as: deployment)
  }

  /// The number that the next deployment gets.
  public var nextDeployment: DeploymentID {
    get throws(TreeError) { DeploymentID(try counter(.nextDeployment)) }
  }

  /// Takes the next number: no other deployment gets it, unless the transaction is undone.
  public func allocateDeployment() throws(TreeError) -> DeploymentID {
    try requireWrite()
    let deployment = DeploymentID(try take(.nextDeployment))
    allocatedDeployments.insert(deployment)
    return deployment
  }

  /// Adds a deployment. Its number is one that `allocateDeployment()` gave this object, or the next one or a higher
  /// one, which is then taken.
  public func insert(_ deployment: Deployment) throws(TreeError) {
    try requireWrite()
    guard try generation(of: deployment.node, deployment.generation) != nil else {
      throw .unknownGeneration(deployment.node, deployment.generation)
    }
    let next = try nextDeployment
    guard allocatedDeployments.remove(deployment.id) != nil || deployment.id >= next else {
      throw .deploymentNumberUsed(deployment.id)
    }
    try run(
      "INSERT INTO deployment (\(TreeDatabase.columns)) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      deployment.id, deployment.node, deployment.generation, deployment.created.seconds, deployment.state.rawValue,
      deployment.isPinned, deployment.subvolume, deployment.reason, deployment.boot?.kernel, deployment.boot?.initrd,
      deployment.boot?.arguments)
    try raise(.nextDeployment, above: deployment.id.rawValue)
  }

  /// Removes a deployment, whose subvolume becomes doomed. Refused for the default, the previous and a pinned
  /// deployment. The running one is not known here.
  public func delete(_ deployment: DeploymentID) throws(TreeError) {
    try requireWrite()
    guard let present = try self.deployment(deployment) else { throw .unknownDeployment(deployment) }
    if try defaultDeployment == deployment { throw .deploymentInUse(deployment, .isDefault) }
    if try previousDeployment == deployment { throw .deploymentInUse(deployment, .isPrevious) }
    if present.isPinned { throw .deploymentInUse(deployment, .pinned) }
    if try onceDeployment == deployment { try setOnceDeployment(nil, token: nil) }
    try run("DELETE FROM deployment WHERE id = ?", deployment)
    try doom(present.path, present.subvolume)
  }

  /// Pins or unpins a deployment.
  public func setPinned(_ isPinned: Bool, _ deployment: DeploymentID) throws(TreeError) {
    try requireWrite()
    guard try run("UPDATE deployment SET pinned = ? WHERE id = ?", isPinned, deployment) == 1 else {
      throw .unknownDeployment(deployment)
    }
  }

  /// Notes whether a deployment boots, and if not, why.
  public func setState(
    _ state: DeploymentState, of deployment: DeploymentID, reason: String? = nil
  ) throws(TreeError) {
    try requireWrite()
    let changed = try run(
      "UPDATE deployment SET state = ?, reason = ? WHERE id = ?", state.rawValue, reason, deployment)
    guard changed == 1 else {
      throw .unknownDeployment(deployment)
    }
  }

  /// Replaces the boot files of a deployment.
  public func setBoot(_ boot: BootFiles, of deployment: DeploymentID) throws(TreeError) {
    try requireWrite()
    let changed = try run(
      "UPDATE deployment SET kernel = ?, initrd = ?, arguments = ? WHERE id = ?", boot.kernel, boot.initrd,
      boot.arguments, deployment)
    guard changed == 1 else { throw .unknownDeployment(deployment) }
  }

  private func deployment(_ row: Statement) throws(TreeError) -> Deployment {
    Deployment(
      id: row.identifier(0), node: row.identifier(1), generation: row.identifier(2), created: row.date(3),
      state: try choice(row, 4), isPinned: row.integer(5) != 0,
      subvolume: row.isNull(6) ? nil : try subvolume(row, 6), boot: bootFiles(row, 8), reason: row.optionalText(7))
  }
}
