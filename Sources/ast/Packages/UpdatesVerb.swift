import ArgumentParser
import DebianFormats
import FoundationEssentials
import Host
import Nodes
import Packages
import SnapshotTree
import Store

struct Updates: Verb {
  static let configuration = CommandConfiguration(
    commandName: "updates", abstract: "Show what an upgrade of a node would bring",
    discussion: """
      Security updates come first. A package that has a newer version and would stay is listed with the reason.
      """)

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @Flag(help: "Also show what is new in each package.") var changelog = false
  @Flag(inversion: .prefixedNo, help: "Fetch the package indices first, or use the present ones.")
  var refresh: Bool?
  @Argument(help: "The node (default: the running or the default one).") var node: NodeName?

  func perform(in context: Context) throws -> Report {
    let store = try context.store
    guard let node = try node.map(context.node) ?? store.bootedNode() ?? store.defaultNode() else {
      throw AstError(.usage, "a node is missing", hint: "`ast tree` shows the nodes")
    }
    let view = ProgressView(context.output)
    defer { view.clear() }
    var options = PackageOptions()
    options.refresh = refresh.map { $0 ? .since(Date()) : .never } ?? .whenOld
    let updates = try store.availableUpdates(
      of: node, options, withChangelogs: changelog, progress: { view.show($0, of: node) })
    return Report(text: Self.text(updates), data: UpdatesReport(updates, of: node))
  }

  private static func text(_ updates: AvailableUpdates) -> String {
    let (plan, upgrades) = (updates.plan, updates.plan.steps(.upgrade))
    let blocks = [
      block("Security updates", upgrades.filter(updates.isSecurity), updates),
      block("Other updates", upgrades.filter { !updates.isSecurity($0) }, updates),
      block("New packages that they need", plan.steps(.install), updates),
      block("Packages that would be removed", plan.steps(.remove, .purge), updates),
      list("Kept back", updates.keptBack.map { "\($0.name)  \($0.version): \($0.reason)" }),
    ].compactMap(\.self)
    guard !blocks.isEmpty else { return "There are no updates." }
    return (blocks + (plan.isEmpty ? [] : [PlanView.sizes(plan)])).joined(separator: "\n")
  }

  private static func block(_ title: String, _ steps: [PackageStep], _ updates: AvailableUpdates) -> String? {
    let lines = steps.map { step in
      let versions = [step.from, step.to].compactMap(\.self).joined(separator: " -> ")
      let news = updates.changelogs[step.name].map { text in
        text.split(separator: "\n").map { "\n    \(Printable.line(String($0)))" }.joined()
      }
      return Printable.line("\(step.name)  \(versions)") + (news ?? "")
    }
    return list(title, lines, arePrintable: true)
  }

  private static func list(_ title: String, _ lines: [String], arePrintable: Bool = false) -> String? {
    guard !lines.isEmpty else { return nil }
    let heading = Palette.results.strong("\(title) (\(lines.count)):")
    return ([heading] + lines.map { "  \(arePrintable ? $0 : Printable.line($0))" }).joined(separator: "\n")
  }
}

extension AvailableUpdates {
  /// Whether a step brings a security update.
  fileprivate func isSecurity(_ step: PackageStep) -> Bool { plan.securityUpdates.contains(step.name) }
}

/// The updates of a node as `--json` shows them.
private struct UpdatesReport: Encodable {
  struct Update: Encodable {
    let name: String
    let architecture: String
    let step: String
    @Nullable var from: String?
    @Nullable var to: String?
    let security: Bool
    @Nullable var changelog: String?
  }

  struct KeptBack: Encodable {
    let name: String
    let version: String
    let reason: String
  }

  private let node: NodeID
  private let updates: [Update]
  private let keptBack: [KeptBack]
  private let downloadSize: Int64
  private let installSize: Int64

  init(_ updates: AvailableUpdates, of node: NodeID) {
    self.node = node
    self.updates = updates.plan.steps.map { step in
      Update(
        name: step.name, architecture: step.architecture, step: step.kind.rawValue, from: step.from, to: step.to,
        security: updates.isSecurity(step), changelog: updates.changelogs[step.name])
    }.sorted { $0.security && !$1.security }
    keptBack = updates.keptBack.map { KeptBack(name: $0.name, version: $0.version, reason: $0.reason) }
    downloadSize = updates.plan.downloadSize
    installSize = updates.plan.installSize
  }
}
