/// The state of an operation.
public enum OperationState: String, Hashable, Codable, Sendable, CaseIterable {
  /// It has begun and not ended: its process is at work, or has died.
  case running
  /// It did what it was to do.
  case done
  /// It failed, and changed nothing.
  case failed
  /// Its process had died; another command cleaned up.
  case interrupted
}

/// The end of an operation.
public enum OperationOutcome: String, Hashable, Codable, Sendable, CaseIterable {
  /// It did what it was to do.
  case done
  /// It failed, and changed nothing.
  case failed
  /// Its process had died.
  case interrupted
}
