import ArgumentParser
import Nodes
import SnapshotTree
import Store

struct Move: Verb {
  static let configuration = CommandConfiguration(
    commandName: "move", abstract: "Move a node, with everything below it, to another place in the tree",
    discussion: "The node keeps its number, its content and its history.")

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @Option(help: ArgumentHelp("The new parent.", valueName: "node")) var under: NodeName?
  @Flag(help: "Make it the top of a tree.") var top = false
  @Argument(help: "The node to move.") var node: NodeName

  func validate() throws {
    guard (under != nil) != top else { throw ValidationError("one of --under and --top is needed") }
    if let name = under?.description, name.hasPrefix("-"), NodeID(name.dropFirst()) != nil {
      throw ValidationError("\(name) is not a node: nodes are numbered 0, 1, 2 and so on")
    }
  }

  func perform(in context: Context) throws -> Report {
    let (node, parent) = (try context.node(self.node), try under.map(context.node))
    let moved = try context.store.move(node, under: parent)
    let place = parent.map { "under \($0)" } ?? "at the top of a tree"
    return Report(
      text: moved.operation == nil ? "Node \(node) is \(place) already." : "Node \(node) is \(place) now.",
      data: MoveReport(moved), transaction: moved.operation)
  }
}

/// A node at its place as `--json` shows it.
private struct MoveReport: Encodable {
  let node: NodeID
  @Nullable var parent: NodeID?
  let moved: Bool

  init(_ result: Store.Moved) {
    (node, moved) = (result.node.id, result.operation != nil)
    parent = result.node.parent
  }
}
