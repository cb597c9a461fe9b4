/// What is known about whether a deployment boots.
public enum DeploymentState: String, Hashable, Codable, Sendable, CaseIterable {
  /// It has not proven itself yet.
  case trying
  /// It came up and passed the checks.
  case good
  /// It ran out of tries.
  case failed
}
