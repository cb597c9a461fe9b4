import ArgumentParser
import Host
import Nodes
import SnapshotTree

struct List: Verb {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the packages of a node or a generation", aliases: ["ls"])
  static var needs: Need { .reading }

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @Argument(help: "The node or generation.") var node: GenerationName

  func perform(in context: Context) throws -> Report {
    let store = try context.store
    let packages = try store.packages(of: store.reference(named: node))
    return Report(
      text: packages.map(\.line).joined(separator: "\n"),
      data: ["packages": packages])
  }
}

struct Which: Verb {
  static let configuration = CommandConfiguration(
    commandName: "which", abstract: "Show which nodes have packages, and in which versions")
  static var needs: Need { .reading }

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @Argument(
    help: ArgumentHelp("The packages, as apt names them.", valueName: "package"), completion: Completion.available)
  var packages: [String]

  func perform(in context: Context) throws -> Report {
    let found = try packages.map { name in (name: name, nodes: try context.store.nodes(with: name)) }
    let lines = found.flatMap { entry in
      entry.nodes.flatMap { node, packages in
        packages.map { "\(node.id) - \(Printable.line(node.description)): \($0.line)" }
      }
    }
    let missing = found.filter(\.nodes.isEmpty).map(\.name)
    for name in missing { context.output.note("no node has \(name)") }
    let data = found.flatMap { entry in
      entry.nodes.flatMap { node, packages in packages.map { WhichReport(node: node.id, package: $0) } }
    }
    return Report(
      text: lines.joined(separator: "\n"), data: ["found": data],
      status: missing.isEmpty ? 0 : AstError.Code.notFound.exitStatus)
  }
}

extension Package {
  /// The package for people. Anything may stand in the fields of a node's database.
  fileprivate var line: String { Printable.line("\(name):\(architecture) \(version)") }
}

/// A found package as `--json` shows it.
struct WhichReport: Encodable {
  let node: NodeID
  let package: Package
}
