/// Something that must not be.
struct Violation: Error, CustomStringConvertible {
  let seed: UInt64
  let step: Int
  /// The command, what happened to it, and how it ended.
  let what: String
  let problems: [String]

  var description: String {
    "step \(step) of episode \(seed): \(what)" + problems.prefix(8).map { "\n  \($0)" }.joined()
  }

  /// The command line that runs the episode again; its length is the same.
  func commandLine(steps: Int) -> String {
    "AST_CAMPAIGN_SEED=\(seed) AST_CAMPAIGN_EPISODES=1 AST_CAMPAIGN_STEPS=\(steps) Tests/Campaign/run"
  }
}
