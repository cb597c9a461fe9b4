import FoundationEssentials
import SystemPackage
import TestSupport

/// Ways to do the same thing, measured in turns on the same machine in the same state: A B C, A B C and so on. Each is
/// compared with the first, the plain one, turn by turn, so that what the machine does besides cancels out.
struct Comparison {
  /// One of the ways.
  struct Way {
    let name: String
    /// The most that it may cost.
    var limits: [Limit] = []
    /// Does it once, for the n-th time, and returns what it cost, apart from what the disk counts.
    let run: (_ turn: Int) throws -> Sample

    /// A plain way, or one that is there to be looked at.
    init(_ name: String, _ run: @escaping (_ turn: Int) throws -> Sample) {
      self.name = name
      self.run = run
    }
  }

  /// A figure of a way that is wanted.
  enum Limit {
    /// Multiples of the plain way's time, by the clock.
    case wall(Double)
    /// Multiples of the plain way's time of processors.
    case processor(Double)
    /// Flushes of the disk.
    case flushes(Int)
    /// Multiples of what the other program takes (`--against`), by the clock.
    case against(Double)
    /// Multiples of what the plain way makes the file system grow by.
    case growth(Double)
  }

  /// What is done.
  let title: String
  /// How often.
  var turns: Int
  /// The ways, the plain one first.
  var ways: [Way]
  /// What is done before each, unmeasured: so that nobody pays for what another left to be written.
  var before: () throws -> Void = {}

  /// A way of ast. With `--against`, the same by the other program follows it.
  ///
  /// - Parameter run: does it once with this program.
  mutating func add(
    _ name: String, _ limits: Limit..., in place: Playground,
    run: @escaping (_ ast: FilePath, _ turn: Int) throws -> Sample
  ) {
    var way = Way(name) { try run(place.ast, $0) }
    way.limits = limits
    ways.append(way)
    if let against = place.against { ways.append(Way(Self.other) { try run(against, $0) }) }
  }

  private static let other = "    the same, --against"

  /// Measures them all and prints a line for each.
  func measure(on disk: Disk) throws -> Result {
    var samples = ways.map { _ in [Sample]() }
    // The first turn warms the caches and does not count.
    for turn in 0...turns {
      for (index, way) in ways.enumerated() {
        try before()
        let sample = try disk.counting { try way.run(turn) }
        if turn > 0 { samples[index].append(sample) }
      }
    }
    let load = (try? String(contentsOfFile: "/proc/loadavg", encoding: .utf8))?.split(separator: " ").first ?? "?"
    let result = Result(
      title: title, turns: turns, load: "\(load)",
      ways: zip(ways, samples).map { Result.Way(name: $0.name, samples: $1) })
    say(lines(result).joined(separator: "\n"))
    return result
  }

  private func lines(_ result: Result) -> [String] {
    let header =
      "\(title) (\(turns) turns, load \(result.load))".padded(58)
      + "   wall ms        ×  min–max        CPU ms      ×   flushes    MB"
    let plain = result.ways[0].samples
    return [header]
      + zip(ways, result.ways).enumerated().map { index, pair in
        let (way, own) = pair
        let against =
          index + 1 < ways.count && ways[index + 1].name == Self.other ? result.ways[index + 1].samples : nil
        let wall = zip(own.samples, plain).map { $0.wall / $1.wall }
        let processor = zip(own.samples, plain).map { $0.processor / $1.processor }
        let words = [
          "  \(way.name)".padded(56), (own.samples.map(\.wall).median * 1000).text.led(10), wall.median.text.led(9),
          " \(wall.min()?.text ?? "-")–\(wall.max()?.text ?? "-")".padded(14),
          (own.samples.map(\.processor).median * 1000).text.led(9), processor.median.text.led(7),
          "\(Int(own.samples.map { Double($0.flushes) }.median))".led(9),
          (own.samples.map { Double($0.written) / 1e6 }.median).text.led(7),
        ]
        let verdicts = way.limits.compactMap { limit -> String? in
          switch limit {
          case .wall(let most): verdict("wall", wall.median, most)
          case .processor(let most): verdict("CPU", processor.median, most)
          case .flushes(let most): verdict("flushes", own.samples.map { Double($0.flushes) }.median, Double(most))
          case .growth(let most):
            verdict(
              "growth", zip(own.samples, plain).map { Double($0.grown ?? 0) / Double($1.grown ?? 0) }.median, most)
          case .against(let most):
            against.map { verdict("against", zip(own.samples, $0).map { $0.wall / $1.wall }.median, most) }
          }
        }
        return words.joined() + verdicts.joined()
      }
  }

  private func verdict(_ what: String, _ value: Double, _ most: Double) -> String {
    "  \(what) \(value.text) ≤ \(most.text): \(value <= most ? "met" : "MISSED")"
  }

  /// The figures of a comparison.
  struct Result: Encodable {
    struct Way: Encodable {
      let name: String
      let samples: [Sample]
    }

    let title: String
    let turns: Int
    /// The load average of a minute at the end.
    let load: String
    let ways: [Way]
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
    guard isFinite else { return "-" }
    let hundredths = Int((self * 100).rounded())
    let rest = hundredths % 100
    return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)"
  }
}

extension String {
  /// With spaces behind it, up to a width.
  func padded(_ width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
  /// With spaces before it, up to a width.
  func led(_ width: Int) -> String { String(repeating: " ", count: max(0, width - count)) + self }
}

/// Prints a line at once, also into a pipe.
func say(_ line: String) {
  _ = try? FileDescriptor.standardOutput.writeAll((line + "\n").utf8)
}
