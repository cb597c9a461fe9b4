import Glibc
import SystemPackage
import TestSupport
import Testing

/// A mounted crash state, for a check.
struct CrashState {
  /// The place where it is mounted, and where the commands ran.
  let mountPoint: FilePath
  /// How many commands had returned before the power cut.
  let returned: Int
  /// How many commands there are.
  let commandCount: Int

  /// How many commands may have taken effect: those that returned, and the one in progress, completely or not at all.
  var effective: ClosedRange<Int> { returned...min(returned + 1, commandCount) }
}

/// The results of a scenario's crash states of one kind.
struct CrashReport: CustomStringConvertible {
  let name: String
  let cut: PowerCut
  let seed: UInt64
  /// The places in the log where the power can be cut, and how many of them were tried.
  let candidates: Int
  let checked: Int
  /// The size of the log in bytes.
  let logSize: Int64
  let duration: Duration
  /// The states with problems, and each problem.
  let badStates: Int
  let problems: [String]

  var description: String {
    let rate = Double(checked) / (duration / .seconds(1))
    return "power cut: \(name): \(cut), seed \(seed): \(checked) of \(candidates) states, \(badStates) bad, "
      + "\(Int(rate.rounded())) states/s, log \(logSize >> 10) KiB"
  }
}

/// Commands that run one after the other on a btrfs, and the condition that must hold after any power cut.
struct Scenario {
  var name: String
  /// The size of the disk in bytes.
  var size: Int64 = 256 << 20
  /// The maximum number of states of each kind.
  var limit = 100
  /// Fills the new file system mounted at the path. This is not logged, so there are no power cuts.
  var prepare: (FilePath) throws -> Void = { _ in }
  /// The commands, for the path where the file system is mounted; this is their working directory.
  var commands: (FilePath) -> [[String]]
  var environment = plainEnvironment
  /// Returns the problems of a state; an error that it throws is a problem, too.
  var check: (CrashState) throws -> [String]

  /// Runs the commands, then cuts the power in the given ways.
  ///
  /// The seed is different each time; `AST_POWERCUT_SEED` in the environment sets it.
  func reports(_ cuts: [PowerCut] = [.prefix, .subset]) throws -> [CrashReport] {
    let seed = getenv("AST_POWERCUT_SEED").flatMap { UInt64(String(cString: $0)) } ?? .random(in: 0...999_999)
    let scratch = try ScratchDirectory(for: 5 * size)
    defer { scratch.remove() }
    let recording = try Recording(of: self, in: scratch)
    return try cuts.map { cut in
      let start = ContinuousClock.now
      let (points, candidates) = CrashPoint.all(
        in: recording.log, marks: recording.marks, cut: cut, seed: seed, limit: limit)
      let states = try CrashStates(of: recording, in: scratch)
      let problems = try points.map { point in
        try states.problems(at: point, check: check).map { "\(name), \(cut) at entry \(point.entry): \($0)" }
      }
      return CrashReport(
        name: name, cut: cut, seed: seed, candidates: candidates, checked: points.count,
        logSize: try recording.logFile.size(), duration: .now - start,
        badStates: problems.count { !$0.isEmpty }, problems: problems.flatMap(\.self))
    }
  }
}

/// Runs a scenario, prints the results of its crash states, and records a test issue for each problem.
/// The parameters are those of ``Scenario``.
func scenario(
  _ name: String, size: Int64 = 256 << 20, limit: Int = 100, environment: [String: String] = plainEnvironment,
  prepare: @escaping (FilePath) throws -> Void = { _ in }, commands: @escaping (FilePath) -> [[String]],
  check: @escaping (CrashState) throws -> [String], sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let scenario = Scenario(
    name: name, size: size, limit: limit, prepare: prepare, commands: commands, environment: environment, check: check)
  for report in try scenario.reports() {
    print(report)
    guard !report.problems.isEmpty else { continue }
    let text = ([report.description] + report.problems.prefix(10)).joined(separator: "\n")
    Issue.record("\(text)", sourceLocation: sourceLocation)
  }
}
