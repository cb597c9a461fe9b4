import Glibc
import Testing

extension Trait where Self == ConditionTrait {
  /// Skips the test or suite, with the reason, unless it runs as root.
  public static var requiresRoot: Self {
    .enabled(if: geteuid() == 0, "needs root: it mounts file systems")
  }
}
