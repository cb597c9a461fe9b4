import Glibc
import Synchronization

/// Which fail points of commands are chosen, so that each step that is the same in many of them is met once.
final class FailPointSteps: Sendable {
  private struct Step: Hashable {
    let from: String
    let to: String
  }

  private let met = Mutex<Set<Step>>([])

  /// Chooses from the fail points that a command passes: those after a step that no command before had, those around its
  /// commits, and the last one; with `AST_EVERY_FAIL_POINT`, all of them.
  func chosen(from points: [String]) -> [Int] {
    points.indices.filter { index in
      let step = Step(from: index == 0 ? "" : points[index - 1], to: points[index])
      let isNew = met.withLock { $0.insert(step).inserted }
      let isAroundCommit = points[index...].prefix(2).contains("committed")
      return isNew || isAroundCommit || index == points.indices.last || getenv("AST_EVERY_FAIL_POINT") != nil
    }
  }
}
