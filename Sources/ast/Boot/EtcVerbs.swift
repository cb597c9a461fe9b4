import ArgumentParser
import Boot
import Etc
import Rootfs
import SnapshotTree
import Store

struct EtcDiff: Verb {
  static let configuration = CommandConfiguration(
    commandName: "etc-diff", abstract: "Show what was changed in the /etc of a deployment since it was made",
    discussion: """
      A line is a path: `A` for what was added, `D` for what was deleted, `M` for what was modified, with what differs. \
      Without a number it shows the running deployment, or else the default one. File times are ignored.
      """)
  static var needs: Need { .root }

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @Argument(help: "The deployment.") var deployment: DeploymentID?

  func perform(in context: Context) throws -> Report {
    let store = try Store(opening: global.root, .reading, wait: global.wait, command: context.command, reader: .files)
    let comparison = try store.compareEtc(of: deployment)
    return Report(
      text: comparison.changes.map(\.line).joined(separator: "\n"), data: EtcDiffReport(comparison))
  }
}

struct EtcUpdateVerb: Verb {
  static let configuration = CommandConfiguration(
    commandName: "etc-update", abstract: "Bring the changes in /etc into the running node",
    discussion: """
      The changes in the /etc of the running deployment, or else of the default one, become a new generation of its \
      node, so that clones of the node have them. What identifies the machine is left out: its id and name, host keys \
      and the like. With --from, the changes come from the /etc of another deployment: after a rollback, from the one \
      that ran before.
      """)

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @Option(help: "The deployment that has the changes.") var from: DeploymentID?

  func perform(in context: Context) throws -> Report {
    let update = try context.store.updateEtc(from: from)
    let node = update.etc.node
    for sentence in update.report.sentences { context.output.note("node \(node): \(sentence)") }
    context.output.tell(update.accounts, of: node)
    let whose = from.map { " of deployment \($0)" } ?? ""
    let what = update.generation.map { "changes in /etc\(whose) kept as generation \($0.number)" }
    return Report(
      text: "Node \(node): \(what ?? "all changes in /etc\(whose) are in it already; nothing was changed").",
      data: EtcUpdateReport(update), transaction: update.operation)
  }
}

extension EtcChange {
  fileprivate var line: String {
    let name = Printable.line("\(absolute)")
    let words = differences.map(\.rawValue) + (isMachinesOwn ? ["the machine's own"] : [])
    return "\(letter) \(name)\(words.isEmpty ? "" : " (\(words.joined(separator: ", ")))")"
  }

  fileprivate var absolute: String { path.isEmpty ? "/etc" : "/etc/\(path)" }

  private var letter: String {
    switch kind {
    case .added: "A"
    case .removed: "D"
    case .changed: "M"
    }
  }
}

/// The changes in /etc as `--json` shows them.
private struct EtcDiffReport: Encodable {
  /// A path. Bytes of it that are not UTF-8 are U+FFFD here.
  private struct Change: Encodable {
    let path: String
    let change: EtcChange.Kind
    let differences: [EtcChange.Difference]
    let machinesOwn: Bool

    init(_ change: EtcChange) {
      path = change.absolute
      self.change = change.kind
      differences = change.differences
      machinesOwn = change.isMachinesOwn
    }
  }

  private let node: NodeID
  @Nullable private var deployment: DeploymentID?
  private let changes: [Change]

  init(_ comparison: EtcComparison) {
    node = comparison.etc.node
    deployment = comparison.etc.deployment
    changes = comparison.changes.map(Change.init)
  }
}

/// An update of a node as `--json` shows it.
private struct EtcUpdateReport: Encodable {
  private let node: NodeID
  @Nullable private var deployment: DeploymentID?
  @Nullable private var generation: GenerationNumber?
  private let etc: EtcReport

  init(_ update: EtcUpdate) {
    node = update.etc.node
    deployment = update.etc.deployment
    generation = update.generation?.number
    etc = update.report
  }
}
