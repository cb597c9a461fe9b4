import CFailPoints
import FoundationEssentials

/// A point between two steps of a change, where a test kills the process to show that a crash there loses nothing.
///
/// Points are numbered in the order in which a run passes them, so that a test counts them in one run and then kills
/// at each of them in turn: a new step needs no entry in any list. `AST_FAIL_TRACE=FILE` appends the name of each point
/// passed; `AST_FAIL_AT=K` sends the process SIGKILL, or the signal `AST_FAIL_SIGNAL`, at the K-th, or at those of a
/// name. In the shipped program this does nothing (`fail_point.c`).
package func failPoint(_ name: StaticString) {
  name.withUTF8Buffer { text in
    text.baseAddress?.withMemoryRebound(to: CChar.self, capacity: text.count + 1) { fail_point_pass($0) }
  }
}

/// The variables that say where to fail, a line each, for a process that does the work of this one.
package var failPointOrders: String {
  ProcessInfo.processInfo.environment.filter { $0.key.hasPrefix("AST_FAIL_") }.map { "\($0.key)=\($0.value)" }
    .joined(separator: "\n")
}

/// Follows the variables of another process from here on.
package func followFailPoints(_ orders: String) { fail_point_follow(orders) }
