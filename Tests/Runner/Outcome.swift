import FoundationEssentials
import Glibc
import SystemPackage
import TestSupport

/// How a part ended.
struct Outcome {
  let part: Part
  let seconds: Int
  let passed: Int
  /// Each test that failed, and what was said of it.
  let failures: [(test: String, reason: String)]
  let skipped: [String]
  /// What was wrong with the end of its process; nil if nothing.
  let end: String?
  /// All that was printed.
  let output: String

  /// Whether all is well.
  var isGood: Bool { failures.isEmpty }

  /// For the table.
  var verdict: String { isGood ? "passed" : "FAILED" + (end.map { " (\($0))" } ?? "") }
}

extension Part {
  /// Does the work and waits for its end.
  ///
  /// - Parameter environment: what the process finds in its environment besides that of this one.
  func run(in bundle: TestBundle?, environment: [String: String] = [:], atMost limit: Duration) throws -> Outcome {
    let start = ContinuousClock.now
    let events = try temporaryFile()
    defer { unlink(events.string) }
    let command: [String]
    switch work {
    case .tests(let tests): command = bundle?.command(running: tests, events: events) ?? ["false"]
    case .command(let words): command = words
    }
    // One stream for both, so that they stand in the order in which they were printed.
    let limited = ["timeout", "--foreground", "--kill-after=10", "\(limit.components.seconds)"] + command
    let result = try TestSupport.run(
      ["sh", "-c", "exec \"$@\" 2>&1", "sh"] + limited,
      environment: ProcessInfo.processInfo.environment.merging(environment) { $1 }, in: Checkout.directory)
    let seconds = Int((ContinuousClock.now - start).components.seconds)
    let end = Self.end(of: result)
    switch work {
    case .tests(let tests):
      return outcome(of: tests, try EventStream(file: events), end: end, seconds: seconds, output: result.stdout)
    case .command: return outcome(ofCommandThatSaid: result.stdout, end: end, seconds: seconds)
    }
  }

  /// Why a process did not end well; nil if it did.
  private static func end(of result: CommandResult) -> String? {
    switch (result.status, result.signal) {
    case (0, _): nil
    case (124, _), (137, _): "ended after the time that it is given"
    case (let status?, _) where status > 128: "killed by signal \(status - 128)"
    case (let status?, _): "exit status \(status)"
    case (_, let signal): "killed by signal \(signal ?? 0)"
    }
  }

  /// A test passed if it ended without an issue. One of which nothing was heard failed: its process died before.
  private func outcome(
    of tests: [Test], _ events: EventStream, end: String?, seconds: Int, output: String
  ) -> Outcome {
    var failures: [(test: String, reason: String)] = []
    for test in tests.map(\.id) where !events.skipped.contains(test) {
      if let issues = events.issues[test] {
        failures.append((test, issues.joined(separator: "\n")))
      } else if !events.ended.contains(test) {
        failures.append((test, events.started.contains(test) ? "began and did not end" : "did not run"))
      }
    }
    // What was not said of a test: an issue of a suite, a test that should not have run, a crash after the last one.
    let known = Set(tests.map(\.id))
    failures += events.issues.filter { !known.contains($0.key) }.map { ($0.key, $0.value.joined(separator: "\n")) }
    failures += events.ended.subtracting(known).intersection(events.tests.map(\.id)).map { ($0, "ran in this part") }
    if failures.isEmpty, let end { failures.append((name, end)) }
    let failed = Set(failures.map(\.test))
    return Outcome(
      part: self, seconds: seconds, passed: known.intersection(events.ended).subtracting(failed).count,
      failures: failures, skipped: known.intersection(events.skipped).sorted(), end: end, output: output)
  }

  private func outcome(ofCommandThatSaid output: String, end: String?, seconds: Int) -> Outcome {
    let lines = output.split(separator: "\n")
    var failures = lines.filter { $0.hasPrefix("FAILED ") }.map { (test: String($0.dropFirst(7)), reason: "see above") }
    if failures.isEmpty, let end { failures.append((name, end)) }
    let passed = lines.count { $0.hasPrefix("passed ") }
    return Outcome(
      part: self, seconds: seconds, passed: failures.isEmpty ? max(1, passed) : passed, failures: failures,
      skipped: [], end: end, output: output)
  }
}
