/// The purpose for which a tree database is opened.
public enum Access: Sendable, Equatable {
  /// Reading only. Needs no write permission, and never waits.
  case reading
  /// Reading and writing.
  case writing
}
