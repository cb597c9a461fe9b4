import ArgumentParser
import Btrfs
import Host
import Nodes
import SnapshotTree
import SystemPackage

struct Restore: Verb {
  static let configuration = CommandConfiguration(
    commandName: "restore", abstract: "Bring single files or directories of a generation back",
    discussion: """
      They are brought back into the node, as a new generation of it, or with `--to` copied to a directory of this \
      machine. A directory becomes what it was: what came into it later goes. The files of a generation can be looked at in \
      /.snapshots/nodes/NODE/GENERATION, for 1@3 in /.snapshots/nodes/1/3.
      """)

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @Flag(name: [.customShort("n"), .customLong("simulate")], help: "Show what would change, and change nothing.")
  var simulate = false
  @Option(
    help: ArgumentHelp("Copy them to this directory of the machine instead.", valueName: "dir"),
    completion: .directory)
  var to: String?
  @Argument(help: "The generation, such as 1@3.") var generation: GenerationName
  @Argument(help: ArgumentHelp("The files or directories.", valueName: "path")) var paths: [String]

  func validate() throws {
    guard !paths.contains("") else { throw ValidationError("the name of a file is empty") }
    guard to != "" else { throw ValidationError("the directory has no name") }
    guard to == nil || !simulate else { throw ValidationError("--to and --simulate exclude each other") }
  }

  func perform(in context: Context) throws -> Report {
    let store = try context.store
    let source = try store.reference(named: generation)
    let paths = paths.map { FilePath($0) }
    if let to { return try copyOut(paths, from: source, to: FilePath(to), context) }
    let node = try store.node(source.node)
    guard let number = source.number else {
      throw AstError(
        .usage, "“\(generation)” is node \(node.id) as it is now, and a generation is needed", state: .unchanged,
        hint: "`ast history \(node.id)` shows those of the node; \(node.id)@-1 is the one before")
    }
    let id = GenerationID(node.id, number)
    if simulate {
      let changes = try store.simulateRestoration(of: paths, from: id)
      let lines = changes.isEmpty ? ["Nothing to restore."] : ["Would be restored:"] + changes.map { "  \($0.line)" }
      return Report(
        text: lines.joined(separator: "\n"), data: RestoreReport(id, changes: changes, made: nil))
    }
    let (outcome, changes) = try store.restore(paths, from: id)
    context.output.tell(outcome.accounts, of: id.node)
    let end: String
    var hints: [String] = []
    var made: GenerationNumber?
    if case .committed(let generation) = outcome.effect {
      end = "\(changes.count == 1 ? "1 file" : "\(changes.count) files") as in \(id), generation \(generation)"
      made = generation
      hints.append("To see what it changed: `ast diff --content \(id.node)`.")
      if try store.goesWithTheNextChange(id) {
        hints.append(
          "Generation \(id) is kept until the next change of node \(id.node); `ast pin \(id)` keeps it for good.")
      }
    } else {
      end = "it has these files as they are in \(id); nothing was changed"
    }
    return Report(
      text: (["Node \(id.node): \(end)."] + hints).joined(separator: "\n"),
      data: RestoreReport(id, changes: changes, made: made),
      transaction: outcome.operation)
  }

  private func copyOut(
    _ paths: [FilePath], from source: GenerationReference, to directory: FilePath, _ context: Context
  ) throws -> Report {
    let copies = try context.store.copyOut(paths, from: source, to: directory) { present in
      let list = present.map { "  \(Printable.line($0.string))" }.joined(separator: "\n")
      return try Confirmation.given("These exist, and will be REPLACED:\n\(list)\nReplace them?", global)
    }
    return Report(
      text: copies.map { Printable.line($0.string) }.joined(separator: "\n"),
      data: ["copies": copies.map(\.string)])
  }
}

/// A restoration as `--json` shows it.
private struct RestoreReport: Encodable {
  private let node: NodeID
  private let from: GenerationNumber
  private let changes: [FileReport]
  @Nullable private var generation: GenerationNumber?

  init(_ source: GenerationID, changes: [FileChange], made: GenerationNumber?) {
    (node, from) = (source.node, source.number)
    self.changes = changes.map(FileReport.init)
    generation = made
  }
}
