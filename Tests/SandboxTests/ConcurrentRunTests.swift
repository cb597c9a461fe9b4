import Glibc
import Sandbox
import Synchronization
import SystemPackage
import TestSupport
import Testing

@Suite(.requiresRoot) struct ConcurrentRunTests {
  @Test func sandboxesRunSideBySide() throws {
    let fixture = try Fixture()
    let duration = uniqueDuration()
    let statuses = Mutex<[Int32]>([])
    let threads = try (0..<8).map { number in
      try RunningThread {
        // Ends when all eight are there.
        let script =
          "touch /\(duration)-\(number); while [ $(ls -d /\(duration)-* | wc -l) != 8 ]; do sleep 0.05; done; exit \(number)"
        let status = (try? fixture.shell(script).status) ?? -1
        statuses.withLock { $0.append(status) }
      }
    }
    for thread in threads { thread.wait() }
    #expect(statuses.withLock { $0.sorted() } == Array(0..<8))
  }

  @Test func runWithGivenStreamsLeavesSignalsAlone() throws {
    var before = sigset_t()
    var after = sigset_t()
    pthread_sigmask(SIG_BLOCK, nil, &before)
    #expect(try Fixture().run(["true"]).status == 0)
    pthread_sigmask(SIG_BLOCK, nil, &after)
    for signal in 1..<32 as Range<Int32> { #expect(sigismember(&before, signal) == sigismember(&after, signal)) }
  }

  @Test func cancellationFromAnotherThreadInterrupts() throws {
    let fixture = try Fixture()
    let duration = uniqueDuration()
    let cancellation = try Cancellation()
    let canceller = try RunningThread {
      _ = try? eventually { try !processes(withArgument: duration).isEmpty }
      cancellation.cancel()
    }
    let script = "trap 'exit 9' TERM; sleep \(duration) & wait"
    let result = try fixture.run(["sh", "-c", script], until: cancellation).result
    canceller.wait()
    #expect(result.end == .exited(9))
    #expect(result.interruption == SIGTERM)
    #expect(try processes(withArgument: duration).isEmpty)
  }

  @Test func cancellationBeforeTheStartInterruptsAtOnce() throws {
    let cancellation = try Cancellation()
    cancellation.cancel()
    let start = ContinuousClock.now
    let result = try Fixture().run(["sleep", "60"], until: cancellation).result
    #expect(result.interruption == SIGTERM)
    #expect(result.end == .signaled(SIGTERM))
    #expect(ContinuousClock.now - start < .seconds(20))
  }
}
