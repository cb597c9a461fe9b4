/// How far an operation is.
public enum OperationState: String, Hashable, Codable, Sendable, CaseIterable {
  /// It was begun, and has not been finished: it is being worked on, or its process died.
  case running
  /// It did what it was to do.
  case done
  /// It failed, and changed nothing.
  case failed
  /// It was found running without a process; somebody cleaned up behind it.
  case interrupted
}

/// How an operation ended.
public enum OperationOutcome: String, Hashable, Codable, Sendable, CaseIterable {
  /// It did what it was to do.
  case done
  /// It failed, and changed nothing.
  case failed
  /// It was found running without a process.
  case interrupted
}
