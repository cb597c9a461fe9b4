import SystemPackage

/// Ways to do the same thing, timed in turns on the same machine in the same state: A B C, A B C and so on. Each is
/// compared with the first, the plain one, turn by turn, so that what the machine does besides cancels out.
struct Comparison {
  /// One of the ways.
  struct Way {
    let name: String
    /// The most that it may take, in multiples of the plain way.
    let target: Double?
    /// Does it once, for the n-th time, and returns how long what counts took.
    let run: (_ turn: Int) throws -> Duration

    init(_ name: String, target: Double? = nil, _ run: @escaping (_ turn: Int) throws -> Duration) {
      self.name = name
      self.target = target
      self.run = run
    }
  }

  /// What is done.
  let title: String
  /// How often.
  var turns = 25
  /// The ways, the plain one first.
  let ways: [Way]
  /// What is done before each, untimed: so that nobody pays for what another left to be written.
  var before: () throws -> Void = {}

  /// Times them all and prints a line for each.
  func print() throws {
    var times = ways.map { _ in [Double]() }
    // The first turn warms the caches and does not count.
    for turn in 0...turns {
      for (index, way) in ways.enumerated() {
        try before()
        let time = try way.run(turn).milliseconds
        if turn > 0 { times[index].append(time) }
      }
    }
    say("\(title) (\(turns) turns)")
    for (way, own) in zip(ways, times) {
      say(line(way, own, zip(own, times[0]).map { $0 / $1 }))
    }
  }

  private func line(_ way: Way, _ times: [Double], _ ratios: [Double]) -> String {
    let sorted = ratios.sorted()
    let range = "\(sorted.first?.text ?? "-")–\(sorted.last?.text ?? "-")"
    var verdict = ""
    if let target = way.target {
      verdict = "  target \(target.text): \(ratios.median <= target ? "met" : "MISSED")"
    }
    return "  \(way.name.padded(52)) × \(ratios.median.text)  (\(range))  \(times.median.text) ms\(verdict)"
  }
}

extension [Double] {
  /// The value in the middle.
  var median: Double {
    guard !isEmpty else { return .nan }
    let sorted = sorted()
    return (sorted[(count - 1) / 2] + sorted[count / 2]) / 2
  }
}

extension Double {
  /// With two digits behind the point.
  var text: String {
    let hundredths = Int((self * 100).rounded())
    let rest = hundredths % 100
    return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)"
  }
}

extension Duration {
  /// In milliseconds.
  var milliseconds: Double { self / .milliseconds(1) }
}

extension String {
  /// With spaces up to a width.
  func padded(_ width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}

/// Prints a line at once, also into a pipe.
func say(_ line: String) {
  _ = try? FileDescriptor.standardOutput.writeAll((line + "\n").utf8)
}
