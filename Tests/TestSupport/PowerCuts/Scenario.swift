import Glibc
import SystemPackage

/// A mounted crash state, for a check.
package struct CrashState {
  /// The place where it is mounted, and where the commands ran.
  package let mountPoint: FilePath
  /// How many commands had returned before the power cut.
  package let returned: Int
  /// How many commands there are.
  package let commandCount: Int

  /// How many commands may have taken effect: those that returned, and the one in progress, completely or not at all.
  package var effective: ClosedRange<Int> { returned...min(returned + 1, commandCount) }
}

/// The results of a scenario's crash states of one kind.
package struct CrashReport: CustomStringConvertible {
  package let name: String
  package let cut: PowerCut
  package let seed: UInt64
  /// The places in the log where the power can be cut, and how many of them were tried.
  package let candidates: Int
  package let checked: Int
  /// The size of the log in bytes.
  package let logSize: Int64
  package let duration: Duration
  /// The states with problems, and each problem.
  package let badStates: Int
  package let problems: [String]

  package var description: String {
    let rate = Double(checked) / (duration / .seconds(1))
    return "power cut: \(name): \(cut), seed \(seed): \(checked) of \(candidates) states, \(badStates) bad, "
      + "\(Int(rate.rounded())) states/s, log \(logSize >> 10) KiB"
  }
}

/// Commands that run one after the other on a file system, and the condition that must hold after any power cut.
package struct Scenario {
  package var name: String
  /// The kind of file system.
  package var fileSystem = "btrfs"
  /// The size of the disk in bytes.
  package var size: Int64 = 256 << 20
  /// The maximum number of states of each kind.
  package var limit = 100
  /// Fills the new file system mounted at the path. This is not logged, so there are no power cuts.
  package var prepare: (FilePath) throws -> Void = { _ in }
  /// The commands, for the path where the file system is mounted; this is their working directory.
  package var commands: (FilePath) throws -> [[String]]
  package var environment = plainEnvironment
  /// Returns the problems of a state; an error that it throws is a problem, too.
  package var check: (CrashState) throws -> [String]
  /// The seed of the choice of states; nil: `AST_POWERCUT_SEED` in the environment, or another one each time.
  package var seed: UInt64?

  /// A scenario; what is not given has the values of the properties.
  package init(
    name: String, size: Int64 = 256 << 20, limit: Int = 100, prepare: @escaping (FilePath) throws -> Void = { _ in },
    commands: @escaping (FilePath) throws -> [[String]], environment: [String: String] = plainEnvironment,
    check: @escaping (CrashState) throws -> [String], seed: UInt64? = nil
  ) {
    self.name = name
    self.size = size
    self.limit = limit
    self.prepare = prepare
    self.commands = commands
    self.environment = environment
    self.check = check
    self.seed = seed
  }

  /// Runs the commands, then cuts the power in the given ways.
  ///
  package func reports(_ cuts: [PowerCut] = [.prefix, .subset]) throws -> [CrashReport] {
    let seed =
      seed ?? getenv("AST_POWERCUT_SEED").flatMap { UInt64(String(cString: $0)) } ?? .random(in: 0...999_999)
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
