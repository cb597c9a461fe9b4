import ArgumentParser
import Host
import Machines
import SystemPackage

struct AdoptVerb: Verb {
  static let configuration = CommandConfiguration(
    commandName: "adopt", abstract: "Convert the running Debian to one that runs from deployments",
    discussion: """
      The root of this Debian must be on a btrfs. It stays as it is, as "Debian before ast" in the boot menu, and becomes \
      the base of a store and its first deployment, which boots at the next start and takes over the data.
      """)
  static var needs: Need { .root }
  static var mounts: Bool { true }

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @Flag(name: [.customShort("n"), .customLong("simulate")], help: "Show what would be done, and do nothing.")
  var simulate = false
  @Flag(help: "Let the machine boot the old system again.") var undo = false
  @Flag(help: "Delete the old system, except its GRUB: there is no way back.")
  var forget = false
  @Flag(help: .hidden) var finish = false
  @Option(help: ArgumentHelp(visibility: .hidden)) var root = "/"

  func validate() throws {
    guard [simulate, undo, forget, finish].count(where: { $0 }) <= 1 else {
      throw ValidationError("--simulate, --undo and --forget exclude each other")
    }
  }

  func perform(in context: Context) throws -> Report {
    if finish {
      let steps = StepView(context.output, expecting: 3)
      try adoption(context).finishOrRestart(progress: steps.show, warn: context.output.warn)
      return Report(text: "", data: ["finished": true])
    }
    if forget { return try forgetAdoption(context) }
    return undo ? try undoAdoption(context) : try adopt(context)
  }

  private func adoption(_ context: Context) -> Adoption {
    Adoption(FilePath(root), command: context.command, reader: .files)
  }

  private func adopt(_ context: Context) throws -> Report {
    let plan = try adoption(context).plan()
    let report = AdoptionReport(plan)
    if simulate { return Report(text: "Would be adopted:\n\(report.text)", data: report) }
    context.output.show(report.text)
    guard try Confirmation.given("Adopt this system?", global) else {
      throw Confirmation.refusal
    }
    // The clone, its state, what it leaves out, and the first deployment.
    let steps = StepView(context.output, expecting: 6)
    _ = try adoption(context).adopt(
      messages: .standardError, progress: steps.show, warn: context.output.warn)
    let text = """
      This system is adopted. Restart it now: data and changes in /etc come along until then, but packages that are \
      installed stay behind in "Debian before ast".
      """
    return Report(text: text, data: report)
  }

  private func undoAdoption(_ context: Context) throws -> Report {
    guard try Confirmation.agreed("Let this machine boot \"Debian before ast\" again?", global) else {
      throw Confirmation.refusal
    }
    let steps = StepView(context.output, expecting: 1)
    switch try adoption(context).undo(progress: steps.show, warn: context.output.warn) {
    case .removed:
      return Report(
        text: "The adoption was taken back, and everything it made was deleted.", data: ["kept": [String]()])
    case .kept(let names, let copies):
      let more = copies ? ", with copies of kernels in /boot/ast" : ""
      let text = """
        This machine boots "Debian before ast" from the next start on. The nodes, and the data written since the \
        adoption, are in \(names.joined(separator: ", ")) at the top level of the file system\(more).
        """
      return Report(text: text, data: ["kept": names])
    }
  }

  private func forgetAdoption(_ context: Context) throws -> Report {
    let question = "Delete \"Debian before ast\" and everything in it?"
    try adoption(context).requireForgettable()
    guard try Confirmation.given(question, global) else {
      throw Confirmation.refusal
    }
    let steps = StepView(context.output, expecting: 1)
    let left = try adoption(context).forget(progress: steps.show)
    if left.isOnOtherDisk {
      let text = """
        The copy of "Debian before ast" was deleted. Its own disk stays as it is. If the firmware is to start from this \
        one, `ast boot-files --renew` makes its entry for EFI; for a BIOS, choose the disk in its setup.
        """
      return Report(text: text, data: ["kept": [String]()])
    }
    let kept = left.bootFileSystem.map { "the file system that was its /boot (UUID=\($0))" } ?? "\(left.bootDirectory)"
    let text = "\"Debian before ast\" was deleted, except \(kept): this machine starts from it."
    return Report(
      text: ([text] + [left.savedExt4].compactMap { $0.map { "\($0.advice)." } }).joined(separator: "\n"),
      data: ["kept": [kept]])
  }
}

/// A plan as `--json` shows it.
private struct AdoptionReport: Encodable {
  let root: String
  let made: [String]
  let takenOver: [String]
  let mounted: [String]
  let readOnly: [String]
  let leftBehind: [String]
  @Nullable var boot: String?
  let keepsBoot: Bool
  @Nullable var savedExt4: String?
  let countsTries: Bool
  let updatesSecurityOnly: Bool
  @Nullable var lastFailure: String?

  init(_ plan: AdoptionPlan) {
    root = plan.layout
    made = plan.made
    takenOver = plan.data.map(\.string)
    mounted = plan.kept.map(\.string)
    readOnly = plan.readOnly.map(\.string)
    leftBehind = plan.leftBehind.map(\.string)
    boot = plan.boot
    keepsBoot = plan.keepsBoot
    savedExt4 = plan.savedExt4?.advice
    countsTries = plan.countsTries
    updatesSecurityOnly = plan.updatesSecurityOnly
    lastFailure = plan.lastFailure
  }

  var text: String {
    var lines = [
      ("Root", "\(root), which stays as it is and boots as \"Debian before ast\""),
      ("New subvolumes", Self.list(made)),
      ("Data", "\(Self.list(takenOver)) are taken over at the next start"),
    ]
    if !mounted.isEmpty { lines.append(("As they are", Self.list(mounted))) }
    if keepsBoot { lines.append(("As it is", "/boot, for \"Debian before ast\"; the deployments have their own")) }
    if let boot { lines.append(("Boot", "GRUB reads \(Printable.line(boot))")) }
    lines.append(
      ("Read-only then", "/usr and everything that is not listed above or in /etc; also \(Self.list(readOnly))"))
    if !leftBehind.isEmpty {
      lines.append(("Left behind", "\(Self.list(leftBehind)): subvolumes, which cannot be in a node"))
    }
    if let savedExt4 { lines.append(("Old ext4", Printable.line(savedExt4))) }
    if updatesSecurityOnly {
      let words = "security updates alone, as unattended-upgrades is set: see updates.only in ast.toml(5)"
      lines.append(("Upgrades", words))
    }
    lines.append(
      (
        "If it fails",
        countsTries
          ? "the machine boots \"Debian before ast\" again after three tries"
          : "choose \"Debian before ast\" in the menu: GRUB has no place to count tries"
      ))
    if let lastFailure { lines.append(("Last time", "it was taken back: \(Printable.line(lastFailure))")) }
    return Status.table(lines)
  }

  private static func list(_ names: [String]) -> String { names.map(Printable.line).joined(separator: ", ") }
}
