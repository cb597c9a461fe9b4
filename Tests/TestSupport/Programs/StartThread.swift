import Glibc
import SystemPackage

/// Runs a body that may block in a new thread, because Swift's concurrency has few threads.
///
/// - Throws: `Errno` if the thread cannot be started.
public func startThread(_ body: @escaping @Sendable () -> Void) throws {
  var thread = pthread_t()
  let argument = Unmanaged.passRetained(ThreadBody(run: body))
  let error = pthread_create(
    &thread, nil,
    { argument in
      argument.map { Unmanaged<ThreadBody>.fromOpaque($0).takeRetainedValue().run() }
      return nil
    }, argument.toOpaque())
  guard error == 0 else {
    argument.release()
    throw Errno(rawValue: error)
  }
  pthread_detach(thread)
}

private final class ThreadBody: Sendable {
  let run: @Sendable () -> Void

  init(run: @escaping @Sendable () -> Void) { self.run = run }
}
