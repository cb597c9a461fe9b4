import SystemPackage
import TestSupport

/// Commands on a disk that logs its writes. Then the power is cut at many moments: each state of the disk must be what
/// some of the commands have made, those that had returned and perhaps the first steps of the next one.
struct PowerEpisode {
  private let seed: UInt64
  private let operations: [Operation]
  /// What must be there after none, one, … all of the commands.
  private let states: [ExpectedStore]

  /// Chooses so many commands.
  init(seed: UInt64, commands: Int) {
    self.seed = seed
    var random = SeededGenerator(seed: seed)
    var (operations, states) = ([Operation](), [ExpectedStore.first])
    while operations.count < commands, let present = states.last {
      let operation = Operation.random(on: present, number: operations.count + 1, using: &random)
      // What may be refused, and what retires a deployment, is not known beforehand.
      if !operation.refusals.isEmpty || (operation.verb == "deploy" && present.deployments.count > 2) { continue }
      operations.append(operation)
      states.append(operation.outcomes(on: present).last ?? present)
    }
    (self.operations, self.states) = (operations, states)
  }

  /// Runs the commands and looks at `limit` states of each kind of power cut.
  ///
  /// - Returns: what was done, and the violations.
  func run(
    limit: Int, cuts: [PowerCut] = [.prefix, .subset], environment: [String: String] = plainEnvironment
  ) throws -> (Tally, [Violation]) {
    let beginning = Beginning()
    let scenario = Scenario(
      name: "campaign", size: 512 << 20, limit: limit,
      prepare: { top in
        let store = try BootDisk.makeStore(on: top)
        beginning.examination = try Examination(beginningWith: store.root)
      },
      commands: { top in try operations.map { try $0.command(on: Self.store(on: top)) } }, environment: environment,
      check: { crash in
        guard let examination = beginning.examination else { return ["nothing is known of the beginning"] }
        return try problems(of: crash, examination)
      }, seed: seed)
    var tally = Tally()
    tally.operations = operations.count
    for (number, operation) in operations.enumerated() where operation.verb != "edit" {
      tally.merges += states[number + 1].merges(since: states[number])
    }
    let reports: [CrashReport]
    do {
      reports = try scenario.reports(cuts)
    } catch let failure as CommandFailure {
      return (tally, [Violation(seed: seed, step: 0, what: "\(operations)", problems: ["\(failure)"])])
    }
    tally.crashStates = reports.reduce(0) { $0 + $1.checked }
    let violations = reports.filter { !$0.problems.isEmpty }.map { report in
      Violation(seed: seed, step: operations.count, what: "\(report.cut)", problems: report.problems)
    }
    return (tally, violations)
  }

  /// What the store is like before the first command.
  private final class Beginning { var examination: Examination? }

  private static func store(on top: FilePath) -> FilePath { top.appending("@snapshots") }

  private func problems(of crash: CrashState, _ examination: Examination) throws -> [String] {
    let store = TestStore(existing: Self.store(on: crash.mountPoint))
    let (before, next) = (states[crash.returned], operations.dropFirst(crash.returned).first)
    let outcomes = next.map { $0.outcomes(on: before) } ?? [before]
    let what = "after \(crash.returned) commands, the next one `\(next.map { "\($0)" } ?? "none")`"
    let found = try FoundStore(store.root)
    let differences = outcomes.map { $0.difference(from: found) }
    guard let index = differences.firstIndex(of: nil) else {
      return ["\(what): \(differences.compactMap(\.self).joined(separator: " | "))"]
    }
    var examination = examination
    var problems = try examination.problems(of: found, in: store.root, keeping: 1)
    // Then the machine starts again, and the next command clears away what is left.
    let recovery = try store.astInTheNextBoot(["tmp"])
    if recovery.status != 0 { problems.append("the next command: \(recovery)") }
    let recovered = try FoundStore(store.root)
    if let difference = outcomes[index].difference(from: recovered) {
      problems.append("the next command has changed the store: \(difference)")
    }
    problems += try examination.problems(of: recovered, in: store.root, keeping: 1)
    problems += try Consistency.problems(of: store) + Consistency.findingsOfDoctor(store)
    return problems.map { "\(what): \($0)" }
  }
}
