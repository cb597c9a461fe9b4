import FoundationEssentials
import Glibc
import SystemPackage
import TestSupport

/// The run of `install/test --long`: part by part. A part that has passed for this very commit is not run again.
struct LongRun {
  /// What is known of a part.
  private struct Entry: Codable {
    let commit: String
    let passed: Bool
    let seconds: Int
    /// When it ended, as date(1) writes it.
    let ended: String
  }

  private let parts: [Part]
  /// Nil where files differ from it: what passes then is not remembered.
  private let commit: String?

  private static let file = Checkout.directory.appending(".build/long-tests.json")
  private static let limit = Duration.seconds(3600)

  /// The parts of these rooms, nil for all of them; `isAgain` forgets what was remembered of them.
  init(rooms: Set<String>?, isAgain: Bool) throws {
    parts = try LongPart.all().filter { rooms?.contains($0.room) ?? true }.map(\.part)
    let changes = try runSuccessfully(["git", "status", "--porcelain"], in: Checkout.directory)
    let head = try runSuccessfully(["git", "rev-parse", "HEAD"], in: Checkout.directory)
    commit = changes.isEmpty ? String(head.prefix { $0 != "\n" }) : nil
    if isAgain {
      var entries = Self.entries()
      for part in parts { entries[part.name] = nil }
      try Self.write(entries)
    }
  }

  /// Runs the parts and prints the table.
  ///
  /// - Returns: whether all have passed.
  func run() throws -> Bool {
    if commit == nil { say("There are changes that are not committed: what passes is not remembered.") }
    var rows: [(part: Part, entry: Entry)] = []
    for part in parts {
      if let entry = Self.entries()[part.name], entry.passed, entry.commit == commit {
        rows.append((part, entry))
        continue
      }
      say("Began: \(part.name)")
      let entry = try run(part)
      if commit != nil { try Self.write(Self.entries().merging([part.name: entry]) { $1 }) }
      rows.append((part, entry))
    }
    table(
      [["Part", "Result", "Time", "When"]]
        + rows.map { [$0.part.name, $0.entry.passed ? "passed" : "FAILED", "\($0.entry.seconds) s", $0.entry.ended] })
    let passed = rows.count { $0.entry.passed }
    say("\(passed) passed, \(rows.count - passed) failed")
    return passed > 0 && passed == rows.count
  }

  private func run(_ part: Part) throws -> Entry {
    let outcome = try part.run(in: nil, atMost: Self.limit)
    say(outcome.output)
    for failure in outcome.failures { say("FAILED: \(failure.test): \(failure.reason)") }
    say("Ended: \(part.name), \(outcome.verdict), \(outcome.seconds) s\n")
    let ended = try runSuccessfully(["date", "--iso-8601=seconds"])
    return Entry(
      commit: commit ?? "", passed: outcome.isGood, seconds: outcome.seconds, ended: String(ended.prefix { $0 != "\n" })
    )
  }

  private static func entries() -> [String: Entry] {
    guard let data = try? Data(contentsOf: URL(filePath: file.string)) else { return [:] }
    return (try? JSONDecoder().decode([String: Entry].self, from: data)) ?? [:]
  }

  private static func write(_ entries: [String: Entry]) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    try encoder.encode(entries).write(to: URL(filePath: file.string), options: .atomic)
  }
}
