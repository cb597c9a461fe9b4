import ArgumentParser
import Machines
import SnapshotTree
import Store
import SystemPackage
import Upkeep

struct Init: Verb {
  static let configuration = CommandConfiguration(
    commandName: "init", abstract: "Make a store and install Debian as its base, node 0",
    discussion: """
      The store's directory (`--store`) is on a mounted btrfs, or `--image` makes one in a file and mounts it there.
      An interrupted `init` can simply be run again.
      """)
  static var needs: Need { .root }

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @Option(help: ArgumentHelp("Make the btrfs in this file and mount it at the store's directory.", valueName: "file"))
  var image: String?
  @Option(help: ArgumentHelp("The size of the image's file system; the file is sparse.", valueName: "size"))
  var size: ByteSize = ByteSize(bytes: 10 << 30)
  @Option(help: ArgumentHelp("The Debian release to install (default: trixie).", valueName: "suite"))
  var suite: String?
  @Option(help: ArgumentHelp("The variant: minimal, or one of mmdebstrap(1).", valueName: "variant"))
  var variant = "minimal"
  @Option(help: ArgumentHelp("The mirror (default: this machine's own apt sources).", valueName: "url"))
  var mirror: String?
  @Option(help: ArgumentHelp("Additional packages, separated by commas.", valueName: "packages"))
  var include: String?
  @Option(help: ArgumentHelp("An option for apt, like Acquire::Check-Valid-Until=false.", valueName: "name=value"))
  var aptOption: [AptOption] = []
  @Option(help: ArgumentHelp("Fill the base from a tar archive of a root file system.", valueName: "file"))
  var tarball: String?
  @Option(help: ArgumentHelp("Fill the base from a directory.", valueName: "dir"))
  var directory: String?

  func validate() throws {
    guard [suite, tarball, directory].compactMap(\.self).count <= 1 else {
      throw ValidationError("--suite, --tarball and --directory exclude each other")
    }
    guard suite.map({ !$0.isEmpty && !$0.hasPrefix("-") }) ?? true else {
      throw ValidationError("the suite is not a name")
    }
  }

  func perform(in context: Context) throws -> Report {
    if let image {
      if !Store.exists(at: global.root) { try source.requireReadable() }
      let image = ImageFile(at: FilePath(image))
      try image.make(size: size.bytes)
      try image.mount(at: global.root)
    }
    let steps = StepView(context.output, expecting: 2, on: .base)
    let store = try Store.initialize(
      at: global.root, from: source, command: context.command, reader: .files, messages: .standardError,
      progress: steps.show, report: context.output.report, warn: context.output.warn)
    try store.proposeLoopbackPorts()
    return Report(text: "Store \(store.root) made, with node 0.", data: ["store": store.root.string])
  }

  private var source: BaseSource {
    if let tarball { return .tarball(FilePath(tarball)) }
    if let directory { return .directory(FilePath(directory)) }
    return .bootstrap(
      suite: suite ?? "trixie", variant: variant, mirror: mirror,
      include: include.map { $0.split(separator: ",").map(String.init) } ?? [], aptOptions: aptOption)
  }
}

struct Doctor: Verb {
  static let configuration = CommandConfiguration(
    commandName: "doctor", abstract: "Compare the database with the disk, and clean up after killed commands")
  static var needs: Need { .root }

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @Flag(help: "Rebuild a damaged database from the records and the subvolumes.") var rebuild = false

  func perform(in context: Context) throws -> Report {
    if rebuild {
      let rebuilt = try Store.rebuild(at: global.root, reader: .files)
      for note in rebuilt.notes { context.output.note(note) }
      let kept = rebuilt.damaged.map { " The damaged one is \($0)." } ?? ""
      return Report(
        text: "Database rebuilt with \(rebuilt.nodes) nodes.\(kept)",
        data: RebuildReport(nodes: rebuilt.nodes, notes: rebuilt.notes, damaged: rebuilt.damaged?.string))
    }
    let steps = StepView(context.output, expecting: 4)
    let findings = try Store.examine(
      at: global.root, wait: global.wait, command: context.command, reader: .files, progress: steps.showToWatchers,
      warn: context.output.warn)
    let unrepaired = findings.filter { !$0.isRepaired }
    if findings.isEmpty { context.output.note("no problems found") }
    return Report(
      text: findings.map { "\($0.isRepaired ? "repaired" : "WRONG   ")  \($0.text)" }.joined(separator: "\n"),
      data: ["findings": findings.map(FindingReport.init)], status: unrepaired.isEmpty ? 0 : 1)
  }
}

struct Tmp: Verb {
  static let configuration = CommandConfiguration(
    commandName: "tmp", abstract: "Clean up after commands that were killed", aliases: ["tmpclear"])
  static var needs: Need { .freeing }

  @OptionGroup(title: HelpText.general) var global: GlobalOptions

  func perform(in context: Context) throws -> Report {
    let ended = try context.store.clearLeftovers()
    let lines = ended.map { "Cleaned up after `\(Printable.line($0.command))` (t\($0.id))." }
    return Report(
      text: lines.isEmpty ? "Nothing to clean up." : lines.joined(separator: "\n"), data: ["cleared": ended.map(\.id)])
  }
}

struct VersionVerb: Verb {
  static let configuration = CommandConfiguration(commandName: "version", abstract: "Print the version")
  static var needs: Need { .nothing }

  @OptionGroup(title: HelpText.general) var global: GlobalOptions

  func perform(in context: Context) throws -> Report {
    Report(text: "ast \(Version.text)", data: ["version": Version.text])
  }
}

/// A finding as `--json` shows it.
private struct FindingReport: Encodable {
  let text: String
  let repaired: Bool

  init(_ finding: Finding) {
    text = finding.text
    repaired = finding.isRepaired
  }
}

/// A rebuild as `--json` shows it.
private struct RebuildReport: Encodable {
  let nodes: Int
  let notes: [String]
  @Nullable var damaged: String?
}
