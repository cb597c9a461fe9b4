import ArgumentParser
import Btrfs
import Host
import Machines
import SystemPackage

struct MigrateVerb: Verb {
  static let configuration = CommandConfiguration(
    commandName: "migrate", abstract: "Copy the running Debian to another disk, as one that runs from deployments",
    discussion: """
      The disk is erased. It gets a btrfs with a copy of this system, whatever file system that is on, and a first \
      deployment, which boots at the next start and takes what was changed until then. The old disk stays as it is, and \
      boots as "Debian before ast".
      """)
  static var needs: Need { .root }
  static var mounts: Bool { true }

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @Option(help: ArgumentHelp("Erase this disk and use it.", valueName: "device")) var disk: String?
  @Flag(name: [.customShort("n"), .customLong("simulate")], help: "Show what would be done, and do nothing.")
  var simulate = false
  @Flag(help: "Let the machine boot the old disk again.") var undo = false
  @Flag(help: "Delete the copy of the old system that is on the new disk: there is no way back.")
  var forget = false
  @Option(help: ArgumentHelp(visibility: .hidden)) var root = "/"

  func validate() throws {
    guard [disk != nil, undo, forget].count(where: { $0 }) == 1 else {
      throw ValidationError("one of --disk, --undo and --forget is needed")
    }
    guard !simulate || disk != nil else { throw ValidationError("--simulate goes with --disk") }
  }

  func perform(in context: Context) throws -> Report {
    if let disk { return try migrate(to: FilePath(disk), context) }
    // A deployment runs from a btrfs, and what was copied did not.
    guard undo, try !FileSystem.isBtrfs(FilePath(root)) else {
      var adopt = AdoptVerb()
      (adopt.global, adopt.undo, adopt.forget, adopt.root) = (global, undo, forget, root)
      return try adopt.perform(in: context)
    }
    guard try Confirmation.agreed("Let this machine boot from this disk again?", global) else {
      throw Confirmation.refusal
    }
    try migration(context).undo(warn: context.output.warn)
    return Report(
      text: "This machine boots this system from the next start on. The other disk is not needed any more.",
      data: ["undone": true])
  }

  private func migration(_ context: Context) -> Migration {
    Migration(FilePath(root), command: context.command, reader: .files)
  }

  private func migrate(to disk: FilePath, _ context: Context) throws -> Report {
    let plan = try migration(context).plan(to: disk)
    let report = MigrationReport(plan)
    if simulate { return Report(text: "Would be copied:\n\(report.text)", data: report) }
    context.output.show(report.text)
    guard try Confirmation.given("Erase \(disk), and copy this system to it?", global) else {
      throw Confirmation.refusal
    }
    try migration(context).migrate(
      to: disk, messages: .standardError, progress: StepView(context.output, expecting: 9).show,
      warn: context.output.warn)
    let text = """
      This system is copied to \(disk). Restart it now: data and changes in /etc come along until then, but packages \
      that are installed stay behind in "Debian before ast".
      """
    return Report(text: text, data: report)
  }
}

/// A plan as `--json` shows it.
private struct MigrationReport: Encodable {
  let disk: String
  let size: Int64
  let copied: [String]
  let used: Int64
  let mounted: [String]
  private let model: String?

  private enum CodingKeys: CodingKey { case disk, size, copied, used, mounted }

  init(_ plan: MigrationPlan) {
    (disk, size, model) = (plan.disk.path.string, plan.disk.size, plan.disk.model)
    copied = plan.copied.map(\.string)
    used = plan.used
    mounted = plan.kept.map(\.string)
  }

  var text: String {
    let words = [model, "\(size >> 20) MiB"].compactMap(\.self).joined(separator: ", ")
    var lines = [
      ("From", "\(Self.list(copied)), \(used >> 20) MiB in use, which stay as they are"),
      ("To", "\(disk) (\(Printable.line(words))): everything on it will be lost"),
    ]
    if !mounted.isEmpty { lines.append(("As they are", Self.list(mounted))) }
    lines.append(("Changes", "what is changed until the next start is copied then, from the old disk"))
    lines.append(("If it fails", "the machine boots \"Debian before ast\" again after three tries"))
    return Status.table(lines)
  }

  private static func list(_ names: [String]) -> String { names.map(Printable.line).joined(separator: ", ") }
}
