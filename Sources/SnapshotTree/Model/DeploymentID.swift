/// The number of a deployment. Numbers are given in the order of creation and never reused.
public struct DeploymentID: TreeIdentifier {
  /// The number.
  public let rawValue: Int

  /// The identifier with this number.
  public init(rawValue: Int) {
    self.rawValue = rawValue
  }
}
