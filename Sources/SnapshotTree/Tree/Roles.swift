internal import SQLite

/// The counters, and the roles of nodes and deployments.
extension TreeDatabase {
  /// The keys of the table `setting`. The migrations also make `keep-generations` and `keep-deployments`, which an older
  /// ast reads; the settings themselves are in ast.toml.
  enum Setting: String {
    case nextNode = "next-node"
    case nextOperation = "next-operation"
    case nextDeployment = "next-deployment"
    case bootToken = "boot-token"
    case onceToken = "once-token"
  }

  /// The keys of the tables `node_role` and `deployment_role`.
  private enum Role: String {
    case isDefault = "default"
    case isPrevious = "previous"
    case once
  }

  /// The default node, used if none is named.
  public var defaultNode: NodeID? {
    get throws(TreeError) {
      try first("SELECT node FROM node_role WHERE role = ?", Role.isDefault.rawValue) { (row) throws(TreeError) in
        row.identifier(0)
      }
    }
  }

  /// Sets the default node, or removes it.
  public func setDefaultNode(_ node: NodeID?) throws(TreeError) {
    try requireWrite()
    guard let node else {
      try run("DELETE FROM node_role WHERE role = ?", Role.isDefault.rawValue)
      return
    }
    guard try exists("SELECT 1 FROM node WHERE id = ?", node) else { throw .unknownNode(node) }
    try run("INSERT OR REPLACE INTO node_role (role, node) VALUES (?, ?)", Role.isDefault.rawValue, node)
  }

  /// The deployment that boots by default.
  public var defaultDeployment: DeploymentID? {
    get throws(TreeError) { try deployment(.isDefault) }
  }

  /// Sets the deployment that boots by default, for an operation whose number shows the boot loader that the choice is
  /// new.
  public func setDefaultDeployment(_ deployment: DeploymentID?, token: OperationID? = nil) throws(TreeError) {
    try set(.isDefault, to: deployment)
    try set(.bootToken, to: token?.rawValue ?? 0)
  }

  /// The number by which the boot loader distinguishes choices of the default deployment; 0 without one.
  public var bootToken: Int {
    get throws(TreeError) { try counter(.bootToken) }
  }

  /// The deployment that boots the next time, and only then.
  public var onceDeployment: DeploymentID? {
    get throws(TreeError) { try deployment(.once) }
  }

  /// The number by which the boot loader distinguishes choices of that deployment; 0 without one.
  public var onceToken: Int {
    get throws(TreeError) { try counter(.onceToken) }
  }

  /// Sets the deployment that boots the next time, and only then.
  public func setOnceDeployment(_ deployment: DeploymentID?, token: OperationID?) throws(TreeError) {
    try set(.once, to: deployment)
    try set(.onceToken, to: token?.rawValue ?? 0)
  }

  /// The deployment to fall back to: the last one that is known to work.
  public var previousDeployment: DeploymentID? {
    get throws(TreeError) { try deployment(.isPrevious) }
  }

  /// Sets the deployment to fall back to.
  public func setPreviousDeployment(_ deployment: DeploymentID?) throws(TreeError) {
    try set(.isPrevious, to: deployment)
  }

  private func deployment(_ role: Role) throws(TreeError) -> DeploymentID? {
    try first("SELECT deployment FROM deployment_role WHERE role = ?", role.rawValue) { (row) throws(TreeError) in
      row.identifier(0)
    }
  }

  private func set(_ role: Role, to deployment: DeploymentID?) throws(TreeError) {
    try requireWrite()
    guard let deployment else {
      try run("DELETE FROM deployment_role WHERE role = ?", role.rawValue)
      return
    }
    guard try self.deployment(deployment) != nil else { throw .unknownDeployment(deployment) }
    try run("INSERT OR REPLACE INTO deployment_role (role, deployment) VALUES (?, ?)", role.rawValue, deployment)
  }

  func counter(_ setting: Setting) throws(TreeError) -> Int {
    let value = try first("SELECT value FROM setting WHERE key = ?", setting.rawValue) { (row) throws(TreeError) in
      Int(row.integer(0))
    }
    guard let value else { throw .corrupt(path, detail: "the setting \(setting.rawValue) is missing") }
    return value
  }

  func set(_ setting: Setting, to value: Int) throws(TreeError) {
    try run("INSERT OR REPLACE INTO setting (key, value) VALUES (?, ?)", setting.rawValue, value)
  }

  /// Takes the present number of a counter.
  func take(_ setting: Setting) throws(TreeError) -> Int {
    let number = try counter(setting)
    try set(setting, to: number + 1)
    return number
  }

  /// Lets a counter continue after `number`, unless it is already past that.
  func raise(_ setting: Setting, above number: Int) throws(TreeError) {
    guard try counter(setting) <= number else { return }
    try set(setting, to: number + 1)
  }
}
