import SystemPackage
import TestSupport
import Testing

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
