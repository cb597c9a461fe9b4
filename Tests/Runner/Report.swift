/// What is printed in the end.
struct Report {
  let outcomes: [Outcome]

  /// Prints what was skipped, what failed, the table, and the line that CI reads: "N passed, N failed".
  ///
  /// - Returns: whether all is well: something ran, and nothing failed.
  func print() -> Bool {
    for test in outcomes.flatMap(\.skipped) { say("Skipped: \(test)") }
    for failure in outcomes.flatMap(\.failures) { say("FAILED: \(failure.test): \(failure.reason)") }
    say("")
    let rows = outcomes.sorted { $0.part.name < $1.part.name }.map { outcome in
      [
        outcome.part.name, "\(outcome.passed + outcome.failures.count)", "\(outcome.seconds) s", outcome.verdict,
      ]
    }
    table([["Part", "Tests", "Time", "Result"]] + rows)
    let passed = outcomes.reduce(0) { $0 + $1.passed }
    let failed = outcomes.reduce(0) { $0 + $1.failures.count }
    say("\(passed) passed, \(failed) failed")
    return passed > 0 && failed == 0
  }
}

/// Prints rows in columns, the numbers in the middle of each at the right.
func table(_ rows: [[String]]) {
  let widths = (rows.first ?? []).indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
  for row in rows {
    let cells = row.enumerated().map { column, text in
      let space = String(repeating: " ", count: widths[column] - text.count)
      return column == 1 || column == 2 ? space + text : text + space
    }
    say(cells.joined(separator: "  "))
  }
}
