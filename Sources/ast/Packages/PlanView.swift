import DebianFormats
import Packages
import SnapshotTree

/// The text of a plan for the packages of a node, in the manner of apt.
enum PlanView {
  /// Why a plan is shown.
  enum Occasion: String {
    /// Nothing follows.
    case dryRun = "Would be"
    /// The user is asked, or the work begins.
    case question = "Will be"
  }

  /// A heading and its packages for each kind of step, then the sizes.
  static func text(_ plan: PackagePlan, _ occasion: Occasion, width: Int, _ palette: Palette) -> String {
    let present = plan.wordsAboutPresent.map { [Printable.line("\($0).")] } ?? []
    guard !plan.isEmpty else { return (present + ["Nothing to do."] + keptBack(plan, width)).joined(separator: "\n") }
    let extra = Set(plan.extra)
    let kinds: [(title: String, steps: [PackageStep])] = [
      ("removed", plan.steps(.remove)), ("removed with their configuration", plan.steps(.purge)),
      ("downgraded", plan.steps(.downgrade)), ("upgraded", plan.steps(.upgrade)),
      ("installed again", plan.steps(.reinstall)),
      ("installed", plan.steps(.install).filter { !extra.contains($0) }), ("installed as dependencies", plan.extra),
    ]
    var blocks = kinds.compactMap { kind in
      let heading = "\(occasion.rawValue) \(kind.title) (\(kind.steps.count)):"
      let isRemoval = kind.title.hasPrefix("removed")
      return block(isRemoval ? palette.bad(heading) : palette.strong(heading), kind.steps, width)
    }
    if !plan.marks.isEmpty {
      blocks.append("\(occasion.rawValue) kept from now on (\(plan.marks.count)):\n\(wrapped(plan.marks, width))")
    }
    if !plan.essential.isEmpty {
      blocks.append(palette.bad("WARNING: these packages are essential: \(plan.essential.joined(separator: ", "))"))
    }
    if !plan.held.isEmpty {
      blocks.append(palette.bad("WARNING: these packages are on hold: \(plan.held.joined(separator: ", "))"))
    }
    if !plan.unneeded.isEmpty {
      let heading = "Nothing needs these any more, `--auto-remove` removes them too (\(plan.unneeded.count)):"
      blocks.append("\(heading)\n\(wrapped(plan.unneeded, width))")
    }
    blocks += present + keptBack(plan, width)
    blocks.append(sizes(plan))
    return blocks.joined(separator: "\n")
  }

  /// The counts in a few words, such as "2 upgraded, 3 installed".
  static func summary(_ plan: PackagePlan) -> String {
    summary(
      plan, ["upgraded", "installed", "removed", "downgraded", "installed again", "kept from now on"])
  }

  private static func summary(_ plan: PackagePlan, _ kinds: [String]) -> String {
    let counts =
      [
        plan.steps(.upgrade), plan.steps(.install), plan.steps(.remove, .purge), plan.steps(.downgrade),
        plan.steps(.reinstall),
      ].map(\.count) + [plan.marks.count]
    let words = zip(counts, kinds).filter { $0.0 > 0 }.map { "\($0) \($1)" }
    return words.isEmpty ? "nothing to do" : words.joined(separator: ", ")
  }

  /// The counts, and what is fetched and comes on the disk.
  static func sizes(_ plan: PackagePlan) -> String {
    let growth = Quantity.bytes(abs(plan.installSize)) + (plan.installSize < 0 ? " less" : " more")
    let counts = summary(
      plan, ["to upgrade", "to install", "to remove", "to downgrade", "to install again", "to keep from now on"])
    return "\(counts): \(Quantity.bytes(plan.downloadSize)) to download, \(growth) on disk."
  }

  private static func keptBack(_ plan: PackagePlan, _ width: Int) -> [String] {
    guard !plan.keptBack.isEmpty else { return [] }
    let packages =
      plan.reasons.isEmpty
      ? wrapped(plan.keptBack, width)
      : plan.reasons.map { Printable.line("  \($0.name) \($0.version): \($0.reason)") }.joined(separator: "\n")
    return ["Kept back (\(plan.keptBack.count)):\n" + packages]
  }

  /// A few packages are shown with their versions, many with their names only.
  private static func block(_ heading: String, _ steps: [PackageStep], _ width: Int) -> String? {
    guard !steps.isEmpty else { return nil }
    guard steps.count <= 12 else { return "\(heading)\n\(wrapped(steps.map(\.name), width))" }
    let longest = steps.map(\.name.count).max() ?? 0
    let lines = steps.map { step in
      let versions = [step.from, step.to].compactMap(\.self).joined(separator: " -> ")
      return "  \(step.name)\(String(repeating: " ", count: longest - step.name.count))  \(versions)"
    }
    return ([heading] + lines.map(Printable.line)).joined(separator: "\n")
  }

  private static func wrapped(_ words: [String], _ width: Int) -> String {
    Wrapping.lines(words.map(Printable.line), width: width - 4).map { "  \($0)" }.joined(separator: "\n")
  }
}

/// A plan as `--json` shows it.
struct PlanReport: Encodable {
  private let node: NodeID
  private let extraInstalled: [StepReport]
  private let newInstalledPackages: [StepReport]
  private let upgradedPackages: [StepReport]
  private let downgradedPackages: [StepReport]
  private let removedPackages: [StepReport]
  private let keptBackPackages: [String]
  private let keptBackReasons: [ReasonReport]
  private let markedPackages: [String]
  private let essentialPackages: [String]
  private let heldPackages: [String]
  private let newInstalledCount: Int
  private let upgradedCount: Int
  private let downgradedCount: Int
  private let removedCount: Int
  private let keptBackCount: Int
  private let notUpgradedCount: Int
  private let downloadSize: Int64
  private let installSize: Int64

  init(_ plan: PackagePlan, of node: NodeID) {
    self.node = node
    extraInstalled = plan.extra.map(StepReport.init)
    newInstalledPackages = plan.steps(.install, .reinstall).map(StepReport.init)
    upgradedPackages = plan.steps(.upgrade).map(StepReport.init)
    downgradedPackages = plan.steps(.downgrade).map(StepReport.init)
    removedPackages = plan.steps(.remove, .purge).map(StepReport.init)
    keptBackPackages = plan.keptBack
    keptBackReasons = plan.reasons.map(ReasonReport.init)
    markedPackages = plan.marks
    essentialPackages = plan.essential
    heldPackages = plan.held
    newInstalledCount = newInstalledPackages.count
    upgradedCount = upgradedPackages.count
    downgradedCount = downgradedPackages.count
    removedCount = removedPackages.count
    keptBackCount = keptBackPackages.count
    notUpgradedCount = plan.notUpgraded.count
    downloadSize = plan.downloadSize
    installSize = plan.installSize
  }
}

/// A package of a plan as `--json` shows it.
private struct StepReport: Encodable {
  let name: String
  let architecture: String
  let action: String
  @Nullable var oldVersion: String?
  @Nullable var newVersion: String?
  let automatic: Bool

  init(_ step: PackageStep) {
    name = step.name
    architecture = step.architecture
    action = step.kind.rawValue
    oldVersion = step.from
    newVersion = step.to
    automatic = step.isAutomatic
  }
}

/// Why a package of a plan is kept back, as `--json` shows it.
private struct ReasonReport: Encodable {
  let name: String
  let version: String
  let reason: String

  init(_ package: KeptBackPackage) {
    name = package.name
    version = package.version
    reason = package.reason
  }
}
