/// What a tree database is opened for.
public enum Access: Sendable, Equatable {
  /// Reading only. Needs no write permission, and waits for nobody.
  case reading
  /// Reading and writing.
  case writing
}
