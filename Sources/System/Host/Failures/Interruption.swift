import Glibc
import Synchronization

/// The signals that ask a command to stop: held back while a change is under way, so that it ends at a chosen point and
/// leaves nothing behind.
package enum Interruption {
  /// Holds back SIGINT, SIGTERM and SIGHUP from here to the end of the process. A command that waits for a lock or for
  /// an answer has not called this yet, and programs in a sandbox get their signals. Ignored signals stay ignored:
  /// nohup(1).
  ///
  /// They are blocked in this thread; threads that libraries make may not block them, so there is also a handler, which
  /// only records the signal.
  package static func holdBack() {
    // Initialized before a handler needs it: a handler must not do that.
    _ = received.load(ordering: .relaxed)
    var signals = sigset_t()
    sigemptyset(&signals)
    for signal in stopSignals where !isIgnored(signal) {
      Glibc.signal(signal) { Interruption.received.store($0, ordering: .relaxed) }
      sigaddset(&signals, signal)
    }
    pthread_sigmask(SIG_BLOCK, &signals, nil)
  }

  /// Runs `body` while a program of the host, an editor, has the terminal. The program handles all keys, even
  /// Control-C; but the terminal sends these signals to us as well, and they are ignored, as crontab(1) does.
  package static func leavingKeys(to body: () throws -> Void) rethrows {
    let keys = [SIGINT, SIGQUIT]
    let handlers = keys.map { signal($0, SIG_IGN) }
    defer {
      for (key, handler) in zip(keys, handlers) {
        // Ignoring a signal also discards one that is pending (sigaction(2), POSIX).
        signal(key, SIG_IGN)
        signal(key, handler)
      }
    }
    try body()
  }

  /// A stop signal that has arrived and was held back.
  package static var pending: Int32? {
    let noted = received.load(ordering: .relaxed)
    if noted != 0 { return noted }
    var pending = sigset_t()
    sigpending(&pending)
    return stopSignals.first { sigismember(&pending, $0) == 1 && !isIgnored($0) }
  }

  /// Throws once a stop signal has arrived.
  package static func check() throws {
    if let signal = pending { throw AstError.interrupted(by: signal) }
  }

  static let stopSignals = [SIGINT, SIGTERM, SIGHUP]
  private static let received = Atomic<Int32>(0)

  static func isIgnored(_ signal: Int32) -> Bool {
    var action = sigaction()
    guard sigaction(signal, nil, &action) == 0 else { return false }
    return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
  }
}
