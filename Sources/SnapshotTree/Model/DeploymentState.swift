/// The known state of a deployment's boot.
public enum DeploymentState: String, Hashable, Codable, Sendable, CaseIterable {
  /// It has not been marked good yet.
  case trying
  /// It came up and passed the checks.
  case good
  /// It ran out of tries.
  case failed
}
