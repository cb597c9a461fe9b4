import FoundationEssentials
import Glibc
import SystemPackage
import TestSupport
import Testing

/// Random commands on new stores, under everything that can happen to them. A checker that has nothing of ast in it
/// compares each state of the disk with what it must be.
///
/// Of four episodes, one cuts the power (``PowerEpisode``), and three have all the rest (``Episode``). The environment
/// makes it longer: `AST_CAMPAIGN_EPISODES` and `AST_CAMPAIGN_STEPS`. `AST_CAMPAIGN_SEED` is the seed of the first
/// episode, which is then the same but for its timing; the next one has the next number.
@Suite("Campaign", .serialized, .requiresLoggedDisk) struct CampaignTests {
  @Test func nothingIsLostWhateverHappens() throws {
    let first = Self.variable("AST_CAMPAIGN_SEED") ?? .random(in: 0..<1 << 40) * 4
    let episodes = Self.variable("AST_CAMPAIGN_EPISODES") ?? 4
    let steps = Int(Self.variable("AST_CAMPAIGN_STEPS") ?? 24)
    var (tally, experience) = (Tally(), Experience())
    for seed in first..<first + episodes {
      print("Episode AST_CAMPAIGN_SEED=\(seed)")
      let violations: [Violation]
      if seed.isMultiple(of: 4) {
        let (done, found) = try PowerEpisode(seed: seed, commands: 12).run(limit: 8)
        tally += done
        violations = found
      } else {
        var episode = try Episode(seed: seed, experience: experience)
        violations = try episode.run(steps: steps).map { [$0] } ?? []
        tally += episode.tally
        experience = episode.experience
      }
      tally.violations += violations.count
      for violation in violations {
        Issue.record(violation, "Again: \(violation.commandLine(steps: steps))")
      }
    }
    print("Campaign:\n\(tally.table)")
    try Self.add(tally)
    #expect(tally.operations > 0 && tally.kills > 0 && tally.errors > 0 || episodes < 4)
    #expect(tally.crashStates > 0 || episodes < 4)
  }

  /// The check is worth nothing if it does not see what it is there for.
  @Test func aSyncThatIsLeftOutIsFound() throws {
    let scratch = try ScratchDirectory(for: 0)
    defer { scratch.remove() }
    let environment = try scratch.withoutFileSyncs()
    var states = 0
    for seed in 1...3 as ClosedRange<UInt64> {
      let (tally, violations) = try PowerEpisode(seed: seed, commands: 8).run(
        limit: 12, cuts: [.prefix], environment: environment)
      states += tally.crashStates
      // At step 0, a command has failed.
      guard let violation = violations.first(where: { $0.step > 0 }) else { continue }
      print("Without syncs of the database, found within \(states) states: \(violation)")
      return
    }
    Issue.record("nothing was found in \(states) states")
  }

  private static func variable(_ name: String) -> UInt64? {
    getenv(name).flatMap { UInt64(String(cString: $0)) }
  }

  /// Leaves what was done beside what other parts of a long campaign have left, and prints the table of all of them.
  private static func add(_ tally: Tally) throws {
    guard let name = getenv("AST_CAMPAIGN_TALLY") else { return }
    let file = FilePath(String(cString: name))
    try JSONEncoder().encode(tally).write(to: URL(filePath: file.string))
    let directory = file.removingLastComponent()
    let names = try FileManager.default.contentsOfDirectory(atPath: directory.string).sorted()
    let parts = try names.map { name in
      try JSONDecoder().decode(Tally.self, from: Data(contentsOf: URL(filePath: directory.appending(name).string)))
    }
    print("All parts so far (\(names.count)):\n\(parts.reduce(into: Tally()) { $0 += $1 }.table)")
  }
}
