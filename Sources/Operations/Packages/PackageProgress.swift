/// How far a change of packages is.
public enum PackageProgress: Sendable, Equatable {
  /// Indices are fetched.
  case refreshing
  /// apt finds out what is to be done.
  case planning
  /// Package files are fetched: bytes done, and bytes in all.
  case downloading(done: Int64, total: Int64)
  /// dpkg works: how much of it is done (0 to 1), and on what.
  case working(fraction: Double, package: String, what: String)
  /// The result is examined.
  case verifying
  /// The result is made durable.
  case committing
  /// What was committed is installed in the running system.
  case installingLive
}
