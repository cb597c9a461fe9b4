import ArgumentParser
import Boot
import Nodes
import Rootfs
import SnapshotTree
import SystemPackage

struct AstSync: Verb {
  static let configuration = CommandConfiguration(
    commandName: "ast-sync", abstract: "Install this version of ast and its boot files in nodes")

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @Argument(help: ArgumentHelp("The nodes (default: all but the base).", valueName: "node")) var nodes: [NodeName] = []

  func perform(in context: Context) throws -> Report {
    let store = try context.store
    context.output.events?.expect(nodes: try nodes.isEmpty ? store.tree.nodes().count - 1 : nodes.count)
    let results = try store.syncAst(nodes.map(context.node)) { context.output.tell($0) }
    return Report(results, of: "ast \(Version.text)", transaction: store.firstOperation)
  }
}

/// The verb that builds the content of the Debian package.
struct SystemFilesVerb: Verb {
  static let configuration = CommandConfiguration(
    commandName: "system-files", abstract: "Write the files that `ast-sync` installs in nodes to a directory",
    shouldDisplay: false)
  static var needs: Need { .nothing }

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @Argument(help: "An existing directory.", completion: .directory) var directory: String

  func perform(in context: Context) throws -> Report {
    try installSystemFiles(into: FilePath(directory))
    return Report(text: "", data: ["directory": directory])
  }
}
