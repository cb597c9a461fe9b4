import Sandbox
import Synchronization

/// The limits that programs in nodes have met during this command, so that it can say so at its end: what the programs
/// say about it is anything.
public enum ReachedLimits {
  private static let met = Mutex<[String]>([])

  /// Notes what a run has met.
  package static func note(_ reached: Set<Sandbox.Limit>, of limits: Sandbox.Limits) {
    var sentences: [String] = []
    if reached.contains(.memory), let memory = limits.memory {
      sentences.append(
        "a program in the node was killed for its memory: the limit is \(memory >> 20) MiB (limits.memory-max in ast.toml(5))"
      )
    }
    if reached.contains(.tasks), let tasks = limits.tasks {
      sentences.append(
        "programs in the node could not start more processes: the limit is \(tasks) (limits.tasks-max in ast.toml(5))")
    }
    met.withLock { met in met += sentences.filter { !met.contains($0) } }
  }

  /// The sentences about what was noted since the last call.
  public static func sentences() -> [String] {
    met.withLock { met in
      defer { met = [] }
      return met
    }
  }
}
