import ArgumentParser
import FoundationEssentials
import Host
import Nodes
import SnapshotTree
import Store
import Upkeep

struct CollectGarbage: Verb {
  static let configuration = CommandConfiguration(
    commandName: "gc", abstract: "Delete old generations, old deployments and leftovers",
    discussion: """
      Without an option, the settings `gc.keep-…` in ast.toml(5) apply. The current generation, the one that `ast undo` goes back \
      to, and deployed, booted or pinned ones are never deleted.
      """)
  static var needs: Need { .freeing }

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @Flag(name: [.customShort("n"), .customLong("simulate")], help: "Show what would be deleted, and change nothing.")
  var simulate = false
  @Flag(help: "Also empty the package cache. Packages and lists are fetched again when they are needed.")
  var cache = false
  @Option(help: ArgumentHelp("How many generations of each node to keep.", valueName: "count"))
  var keep: Int?
  @Option(help: ArgumentHelp("Delete generations that are older: 12h, 30d, 8w.", valueName: "age"))
  var olderThan: Age?
  @Option(
    help: ArgumentHelp(
      "Also empty the package cache, then delete the oldest generations, until this much is free: 500M, 2G.",
      valueName: "size"))
  var minFree: ByteSize?

  func validate() throws {
    guard keep ?? 1 >= 1 else { throw ValidationError("--keep: a node has at least 1 generation, its content") }
  }

  func perform(in context: Context) throws -> Report {
    let store = try context.store
    var options = GarbageOptions(try store.settings.keep)
    if let keep { options.generations = keep }
    if let olderThan { options.age = olderThan.seconds }
    options.keepsRestored = keep == nil && olderThan == nil
    options.emptiesCache = cache
    if let minFree { options.minimumFree = minFree.bytes }
    let garbage = try store.garbage(options)
    let plan = GarbageView.plan(garbage, in: store.root)
    let notes =
      try simulate || garbage.isEmpty && Terminal.isPresent
      ? GarbageView.notes(garbage, options, cache: store.measureCache()) : []
    if simulate {
      let freed = context.freed(by: garbage.generations, garbage.deployments)
      let heading = plan.isEmpty ? ["Nothing to delete."] : ["Would be deleted:", plan]
      return Report(
        text: (heading + GarbageView.lines(freed: freed, by: garbage) + notes).joined(separator: "\n"),
        data: GarbageReport(garbage, freed: freed))
    }
    guard
      try garbage.isEmpty
        || Confirmation.given("These will be DELETED:\n\(plan)\nDelete them?", global)
    else { throw Confirmation.refusal }
    let steps = StepView(context.output, expecting: 3 + (garbage.isShort ? garbage.spare.count : 0))
    let done = try store.collect(garbage, progress: steps.showToWatchers)
    for error in done.busy { context.output.note("skipped: \(error.message)") }
    for error in done.failures { context.output.warn(error.message) }
    return Report(
      text: ([GarbageView.result(done, minimumFree: options.minimumFree)] + notes).joined(separator: "\n"),
      data: GarbageReport(done),
      status: done.exitStatus, isUneventful: garbage.isEmpty && done.exitStatus == 0,
      error: done.interruption.map { .interrupted(by: $0, state: nil) })
  }
}

extension Context {
  /// What only these generations and deployments have; nil, with a warning, if it cannot be measured, as in a store that
  /// is damaged.
  func freed(by generations: [Generation], _ deployments: [Deployment]) -> Int64? {
    do {
      return generations.isEmpty && deployments.isEmpty ? 0 : try store.measure(onlyIn: generations, deployments)
    } catch {
      output.warn("what this would free cannot be measured: \(AstError(error).reason)")
      return nil
    }
  }
}

/// Garbage, found or deleted, as `--json` shows it.
private struct GarbageReport: Encodable {
  private struct Old: Encodable {
    let node: NodeID
    let generation: GenerationNumber
    let created: Date
  }

  private let deployments: [DeploymentID]
  private let generations: [Old]
  private let packageFiles: Int
  private let packageBytes: Int64
  private let indices: Int
  private let leftovers: [OperationID]
  private let undeleted: [String]
  private let spare: [Old]
  private let skipped: [String]
  private let failures: [String]
  @Nullable private var free: Int64?
  @Nullable private var freed: Int64?
  private let sparedForRestoration: [Old]

  init(_ found: Garbage, freed: Int64?) {
    self.freed = freed
    sparedForRestoration = Self.rows(found.sparedForRestoration)
    deployments = found.deployments.map(\.id)
    generations = Self.rows(found.generations)
    packageFiles = found.packageFiles
    packageBytes = found.packageBytes
    indices = found.indices
    leftovers = found.dead.map(\.id)
    undeleted = found.undeleted.map(\.string)
    spare = found.isShort ? Self.rows(found.spare) : []
    (skipped, failures) = ([], [])
    free = found.free
  }

  init(_ done: CollectedGarbage) {
    sparedForRestoration = []
    deployments = done.deployments.map(\.id)
    generations = Self.rows(done.generations)
    packageFiles = done.packageFiles
    packageBytes = done.packageBytes
    indices = done.indices
    leftovers = done.cleared.map(\.id)
    undeleted = done.undeleted.map(\.string)
    spare = []
    skipped = done.busy.map(\.message)
    failures = done.failures.map(\.message)
    free = done.free
  }

  private static func rows(_ generations: [Generation]) -> [Old] {
    generations.map { Old(node: $0.node, generation: $0.number, created: $0.created) }
  }
}
