/// The progress of a change of packages.
public enum PackageProgress: Sendable, Equatable {
  /// Indices are fetched.
  case refreshing
  /// apt makes a plan.
  case planning
  /// Package files are fetched: bytes done, and bytes in all.
  case downloading(done: Int64, total: Int64)
  /// dpkg works: the part that is done (0 to 1), the package, and the step.
  case working(fraction: Double, package: String, what: String)
  /// The result is examined.
  case verifying
  /// The result is made durable.
  case committing
  /// What was committed is installed in the running system.
  case installingLive
}
