internal import CSQLite

internal import Glibc

/// Waits for a lock in short, uneven steps, so that many processes that want to write all get their turn.
///
/// `sqlite3_busy_timeout()` sleeps up to 100 ms between two attempts: a process that has waited long asks seldom, and a
/// newcomer overtakes it.
final class BusyHandler {
  /// The time to try before the call fails with `SQLITE_BUSY`.
  let timeout: Duration
  private var deadline = ContinuousClock.now
  private var waits = true

  init(timeout: Duration) {
    self.timeout = timeout
  }

  func install(on connection: OpaquePointer) {
    sqlite3_busy_handler(
      connection,
      { context, attempt in
        guard let context else { return 0 }
        return Unmanaged<BusyHandler>.fromOpaque(context).takeUnretainedValue().waits(attempt: attempt) ? 1 : 0
      }, Unmanaged.passUnretained(self).toOpaque())
  }

  /// Runs `body` without waiting for locks that another connection holds.
  func withoutWaiting(_ body: () -> Void) {
    waits = false
    defer { waits = true }
    body()
  }

  /// Whether SQLite should try again after this attempt; attempts count from 0 for each lock.
  private func waits(attempt: Int32) -> Bool {
    guard waits else { return false }
    let now = ContinuousClock.now
    if attempt == 0 { deadline = now + timeout }
    guard now < deadline else { return false }
    usleep(UInt32.random(in: 500...3000))
    return true
  }
}
