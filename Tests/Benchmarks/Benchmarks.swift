// Tests/Benchmarks/run [--quick | --full] [--against BINARY] [--json FILE] [NAME...]
//
// As root, on a machine that does nothing else.

import Btrfs
import FoundationEssentials
import Glibc
import SystemPackage
import TestSupport

/// Measures what ast does against the plain way to do the same. What counts are the ratios: each is the median over
/// turns in which both ways were measured, one after the other.
@main
enum Benchmarks {
  static func main() {
    do {
      try run(try Options(Array(CommandLine.arguments.dropFirst())))
    } catch {
      say("Benchmarks: \(error)")
      exit(1)
    }
    exit(0)
  }

  private static func run(_ options: Options) throws {
    let groups: [(name: String, comparisons: (Playground) throws -> [() throws -> Comparison])] = [
      ("look", { LookBenchmarks($0).all }), ("nodes", { NodeBenchmarks($0).all }),
      ("trees", { TreeBenchmarks($0).all }), ("walls", { WallBenchmarks($0).all }),
      ("packages", { try PackageBenchmarks($0).all }),
    ]
    if let unknown = options.names.first(where: { name in !groups.contains { $0.name == name } }) {
      throw Refusal("there is no benchmark \(unknown): \(groups.map(\.name).joined(separator: ", "))")
    }
    let place = try Playground(options)
    let disk = try Disk(mountedAt: place.disk)
    say("The program, stripped: \((Double(place.size) / 1e6).text) MB")
    let yardstick = try Stopwatch.time(["sh", "-c", "head -c 100000000 /dev/zero | sha256sum"])
    say("sha256sum of 100 MB: \((yardstick.wall * 1000).text) ms")
    var results: [Comparison.Result] = []
    for group in groups where options.names.isEmpty || options.names.contains(group.name) {
      for comparison in try group.comparisons(place) { results.append(try comparison().measure(on: disk)) }
    }
    guard let json = options.json else { return }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    try encoder.encode(Report(sha256sumOf100MB: yardstick.wall, comparisons: results)).write(
      to: URL(filePath: json.string))
  }

  /// The figures of a run, for programs. All times are seconds.
  private struct Report: Encodable {
    let sha256sumOf100MB: Double
    let comparisons: [Comparison.Result]
  }
}
