import FoundationEssentials
import Glibc
import SystemPackage
import TestSupport
import Testing

/// The commands, killed at their fail points. Most of their steps are those of one transaction: each step is met by one
/// command at least, and each command is killed around its commits; with `AST_EVERY_FAIL_POINT`, everywhere.
@Suite("Fail points", .requiresRoot)
struct FailPointTests {
  private static let steps = FailPointSteps()

  @Test(arguments: KillScenario.all)
  func commandKilledAnywhereLeavesTheOldOrTheNew(scenario: KillScenario) throws {
    let course = try Course(of: scenario, in: try scenario.newStore())
    #expect(!course.points.isEmpty, "no fail point")
    let kills = Self.steps.chosen(from: course.points)
    print("\(scenario.testDescription): killed at \(kills.count) of \(course.points.count) fail points")
    var store: TestStore?
    for (number, index) in kills.enumerated() {
      let used = try store ?? scenario.newStore()
      let next = number % 4 == 3 ? Next.makesANode : .tidiesUp
      let (state, problems) = try kill(scenario, at: index, course, next, in: used)
      #expect(problems == [], "killed at point \(index + 1), '\(course.points[index])', and \(next) after it")
      // After a kill that changed nothing, the same store can be used for the next one.
      let isAsBefore = next == .tidiesUp && state == course.old && problems.isEmpty && scenario.canBeRepeated
      store = isAsBefore ? used : nil
    }
  }

  @Test func everyVerbThatChangesSomethingHasAScenario() throws {
    let verbs = try HelpDump().command.subcommands.map(\.commandName)
    let killed = KillScenario.all.map(\.verb) + PackageVictim.all.map(\.verb) + PackageVictim.looking
    let reading = Self.readers.map { $0[0] }.filter { !killed.contains($0) }
    // One makes a store of the system that runs (AdoptFailPointTests), one makes a disk of its own, which is there as a
    // whole or not (BootstrapTests), one works before the system runs (EtcAtStartTests), one fills a directory for the
    // Debian package, one changes an EFI system partition, each file of which is old or new (BootLoaderFilePowerCutTests),
    // one makes another disk (MigrateTests).
    let elsewhere = ["adopt", "bootstrap", "boot-etc", "system-files", "boot-files", "migrate"]
    #expect(Set(killed) == Set(verbs).subtracting(reading + elsewhere))
    let store = try KillScenario("tree").newStore()
    for command in Self.readers {
      let points = try store.failPoints(of: command, status: Self.statuses[command] ?? 0)
      #expect(points == [], "\(command[0]) changes something")
    }
  }

  /// The exit statuses of verbs that fail because nothing is deployed or at work, and this machine does not run from the
  /// store.
  private static let statuses: [[String]: Int32] = [
    ["current"]: 3, ["live-chroot"]: 125, ["etc-diff"]: 3, ["cancel"]: 3, ["call", "t99", "true"]: 125,
  ]

  /// The verbs that change nothing, at least in this store.
  private static let readers = [
    ["tree"], ["current"], ["status"], ["info", "1"], ["history"], ["list", "1"], ["which", "alpha"],
    ["diff", "1", "2"], ["check"], ["config"], ["reboot-waiting"], ["deployments"], ["etc-diff"], ["live-chroot"],
    ["du"], ["boot-complete"], ["boot-check"], ["boot-failed", "x"], ["boot-resumed"], ["boot-var"], ["boot-stop"],
    ["boot-products"], ["version"], ["help"], ["watch"], ["cancel"], ["call", "t99", "true"],
  ]

  /// The command after a kill.
  private enum Next { case tidiesUp, makesANode }

  /// Kills the command at a fail point, and runs the next command.
  ///
  /// - Returns: the content of the store then, and the problems.
  private func kill(
    _ scenario: KillScenario, at index: Int, _ course: Course, _ next: Next, in store: TestStore
  ) throws -> (StoreContents?, [String]) {
    try scenario.damage(store)
    let trace = try store.trace()
    let variables = ["AST_FAIL_AT": "\(index + 1)", "AST_FAIL_TRACE": trace.string]
    let killed = try store.ast(
      scenario.arguments, input: scenario.input, environment: scenario.environment.merging(variables) { $1 })
    guard killed.signal == SIGKILL || (scenario.isDoneByAttendant && killed.status == 1) else {
      return (nil, ["it did not die: \(killed)"])
    }
    let points = try TestStore.points(in: trace)
    guard points == Array(course.points[...index]) else { return (nil, ["it took another way: \(points)"]) }
    if scenario.outcome == .again {
      let again = try store.ast(scenario.arguments, input: scenario.input, environment: scenario.environment)
      // The command is refused if its change was made already.
      guard again.status == 0 || again.status == 5 else { return (nil, ["the second attempt: \(again)"]) }
    }
    let command = next == .tidiesUp ? ["tmp"] : ["clone", "0", "made by the next command"]
    let after = try store.ast(command)
    guard after.status == 0 else { return (nil, ["the next command: \(after)"]) }
    let state = try StoreContents(store, omitting: "made by the next command")
    return (
      state,
      try course.problems(of: state, after: index, scenario.outcome) + Consistency.problems(of: store)
        + Consistency.findingsOfDoctor(store)
    )
  }
}

/// A complete run of a command: the fail points it passes, and the state before and after.
private struct Course {
  let points: [String]
  let old: StoreContents?
  private let new: StoreContents

  init(of scenario: KillScenario, in store: TestStore) throws {
    old = scenario.hasStore ? try StoreContents(store) : nil
    try scenario.damage(store)
    points = try store.failPoints(
      of: scenario.arguments, input: scenario.input, environment: scenario.environment, status: scenario.status)
    new = try StoreContents(store)
    if scenario.verb == "open" { try store.ast("abort", "t5").expectSuccess() }
  }

  /// The problems of the state after a kill at a fail point.
  func problems(of state: StoreContents, after index: Int, _ outcome: KillScenario.Outcome) -> [String] {
    let isRight =
      switch outcome {
      case .oneCommit: state == (index < (points.lastIndex(of: "committed") ?? 0) ? old : new)
      case .nodeByNode: old.map { state.isMixture(of: $0, and: new) } ?? false
      case .again: state == new && (old ?? new) == new
      }
    return isRight ? [] : ["the store is \(state), and was \(old.map { "\($0)" } ?? "not there"), would be \(new)"]
  }
}

/// The description of a command line by swift-argument-parser (`--experimental-dump-help`).
private struct HelpDump: Decodable {
  struct Command: Decodable { let commandName: String }
  struct Root: Decodable { let subcommands: [Command] }

  let command: Root

  init() throws {
    let text = try runSuccessfully([AstBinary.path.string, "--experimental-dump-help"])
    self = try JSONDecoder().decode(HelpDump.self, from: Data(text.utf8))
  }
}
