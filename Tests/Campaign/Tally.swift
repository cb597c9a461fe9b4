import FoundationEssentials
import SystemPackage
import TestSupport

/// What a campaign has done so far.
struct Tally: Codable {
  /// The commands of ast that were begun, except those that only look after another one.
  var operations = 0
  /// Those that were killed, and those of them that had made their change.
  var kills = 0
  var killsAfterCommit = 0
  /// Those in which a system call failed.
  var errors = 0
  /// Those on a disk with little space, and those of them that failed for it.
  var fullDisks = 0
  var refusalsForSpace = 0
  /// Those that ran beside others.
  var concurrent = 0
  /// The states of the disk after a power cut.
  var crashStates = 0
  /// The starts and stops that had to bring an /etc up to date.
  var merges = 0
  var violations = 0

  static func += (left: inout Tally, right: Tally) {
    left.operations += right.operations
    left.kills += right.kills
    left.killsAfterCommit += right.killsAfterCommit
    left.errors += right.errors
    left.fullDisks += right.fullDisks
    left.refusalsForSpace += right.refusalsForSpace
    left.concurrent += right.concurrent
    left.crashStates += right.crashStates
    left.merges += right.merges
    left.violations += right.violations
  }

  /// The table, a line each.
  var table: String {
    [
      ("operations", operations), ("killed", kills), ("… after the commit", killsAfterCommit),
      ("with an injected error", errors), ("on a full disk", fullDisks), ("… refused for it", refusalsForSpace),
      ("beside others", concurrent), ("crash states", crashStates), ("merges of /etc", merges),
      ("violations", violations),
    ].map { name, count in
      let number = String(count)
      return "  " + name + String(repeating: " ", count: max(1, 32 - name.count - number.count)) + number
    }.joined(separator: "\n")
  }
}
