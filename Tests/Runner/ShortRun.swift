import Dispatch
import Glibc
import Synchronization
import SystemPackage
import TestSupport

/// The run of `install/test`: two parts at a time, then one by one those that must be alone.
struct ShortRun {
  private let bundle: TestBundle
  private let parts: [Part]

  /// Two: CI has two cores. QEMU, too, is one busy thread for each machine.
  private static let laneCount = 2
  /// No part takes a quarter of it: one that does is stuck.
  private static let limit = Duration.seconds(3600)

  init(rooms: Set<String>?) throws {
    bundle = try TestBundle()
    parts = try Schedule.parts(of: bundle.tests(), rooms: rooms)
  }

  /// Runs the parts, prints what they say and the table.
  ///
  /// - Returns: whether all is well.
  func run() -> Bool {
    let lanes = (0..<Self.laneCount).map { _ in Lane() }
    let crowd = run(parts.filter { !$0.isAlone }, on: lanes)
    let alone = run(parts.filter(\.isAlone), on: Array(lanes.prefix(1)))
    return Report(outcomes: crowd + alone).print()
  }

  /// Runs parts in turn, each on the first lane that is free.
  private func run(_ parts: [Part], on lanes: [Lane]) -> [Outcome] {
    let waiting = Mutex(parts[...])
    let done = Mutex<[Outcome]>([])
    DispatchQueue.concurrentPerform(iterations: lanes.count) { number in
      while let part = waiting.withLock({ $0.popFirst() }) {
        say("Began: \(part.name)")
        let outcome = lanes[number].run(part, in: bundle, atMost: Self.limit)
        done.withLock { done in
          done.append(outcome)
          say("\n\(outcome.output)\nEnded: \(part.name), \(outcome.verdict), \(outcome.seconds) s\n")
        }
      }
    }
    return done.withLock { $0 }
  }
}
