#if FAILPOINTS
  import FoundationEssentials
  import Glibc
  import Synchronization
#endif

/// A point between two steps of a change, where a test kills the process to show that a crash there loses nothing.
///
/// Points are numbered in the order in which a run passes them, so that a test counts them in one run and then kills
/// at each of them in turn: a new step needs no entry in any list. `AST_FAIL_TRACE=FILE` appends the name of each point
/// passed; `AST_FAIL_AT=K` sends the process SIGKILL, or the signal `AST_FAIL_SIGNAL`, at the K-th, or at those of a
/// name. In builds without `FAILPOINTS` this does nothing.
@inline(__always)
package func failPoint(_ name: StaticString) {
  #if FAILPOINTS
    FailPoints.pass(name)
  #endif
}

#if FAILPOINTS
  enum FailPoints {
    private static let passed = Mutex(0)
    private static let trace = ProcessInfo.processInfo.environment["AST_FAIL_TRACE"]
    private static let killAt = ProcessInfo.processInfo.environment["AST_FAIL_AT"]
    private static let signal = ProcessInfo.processInfo.environment["AST_FAIL_SIGNAL"].flatMap(Int32.init) ?? SIGKILL

    static func pass(_ name: StaticString) {
      guard trace != nil || killAt != nil else { return }
      passed.withLock { passed in
        passed += 1
        if let trace {
          let file = open(trace, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
          let line = "\(name)\n"
          _ = line.withCString { write(file, $0, strlen($0)) }
          close(file)
        }
        // Threads that meet here pass one after the other, and none passes after the kill.
        if killAt == "\(passed)" || killAt == "\(name)" { kill(getpid(), signal) }
      }
    }
  }
#endif
