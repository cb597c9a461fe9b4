import ArgumentParser
import AstKit
import SnapshotTree

struct List: Verb {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the packages of a node", aliases: ["ls"])
  static var needs: Need { .reading }

  @OptionGroup var global: GlobalOptions
  @Argument(help: "The node.") var node: NodeID

  func perform(in context: Context) throws -> Report {
    let packages = try context.store.packages(of: node)
    return Report(
      text: packages.map { "\($0.name):\($0.architecture) \($0.version)" }.joined(separator: "\n"),
      data: ["packages": packages])
  }
}

struct Which: Verb {
  static let configuration = CommandConfiguration(
    commandName: "which", abstract: "Show which nodes have packages, and in which versions")
  static var needs: Need { .reading }

  @OptionGroup var global: GlobalOptions
  @Argument(help: ArgumentHelp("The packages, as apt names them.", valueName: "package")) var packages: [String]

  func perform(in context: Context) throws -> Report {
    let found = try packages.map { name in (name: name, nodes: try context.store.nodes(with: name)) }
    let lines = found.flatMap { entry in
      entry.nodes.flatMap { node, packages in
        packages.map { "\(node.id) - \(Printable.line(node.description)): \($0.name):\($0.architecture) \($0.version)" }
      }
    }
    let missing = found.filter(\.nodes.isEmpty).map(\.name)
    for name in missing { context.output.note("no node has \(name)") }
    let data = found.flatMap { entry in
      entry.nodes.flatMap { node, packages in packages.map { WhichReport(node: node.id, package: $0) } }
    }
    return Report(
      text: lines.joined(separator: "\n"), data: ["found": data],
      status: missing.isEmpty ? 0 : AstError(.notFound, "").exitStatus)
  }
}

struct Diff: Verb {
  static let configuration = CommandConfiguration(
    commandName: "diff", abstract: "Show how the packages of a node differ from those of another")
  static var needs: Need { .reading }

  @OptionGroup var global: GlobalOptions
  @Argument(help: "The node to start from.") var first: NodeID
  @Argument(help: "The node to compare with it.") var second: NodeID

  func perform(in context: Context) throws -> Report {
    let changes = try context.store.packageChanges(from: first, to: second)
    return Report(text: changes.map(\.line).joined(separator: "\n"), data: ["packages": changes.map(ChangeReport.init)])
  }
}

extension PackageChange {
  fileprivate var line: String {
    let package = "\(name):\(architecture)"
    return switch kind {
    case .added: "+ \(package) \(to ?? "")"
    case .removed: "- \(package) \(from ?? "")"
    case .upgraded, .downgraded: "~ \(package) \(from ?? "") -> \(to ?? "") (\(kind.rawValue))"
    }
  }
}

/// A found package as `--json` shows it.
private struct WhichReport: Encodable {
  let node: NodeID
  let package: Package
}

/// A difference as `--json` shows it.
private struct ChangeReport: Encodable {
  let name: String
  let architecture: String
  let change: String
  @Nullable var from: String?
  @Nullable var to: String?

  init(_ change: PackageChange) {
    name = change.name
    architecture = change.architecture
    self.change = change.kind.rawValue
    from = change.from
    to = change.to
  }
}
