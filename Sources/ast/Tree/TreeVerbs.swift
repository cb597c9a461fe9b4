import ArgumentParser
import Host
import Nodes
import SnapshotTree
import Store

struct Tree: Verb {
  static let configuration = CommandConfiguration(
    commandName: "tree", abstract: "Show the tree of nodes",
    discussion: """
      `ast tree --svg >tree.svg` makes a picture that a browser shows. The text of `--dot` is for dot(1) of graphviz.
      """)
  static var needs: Need { .reading }

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @Flag(name: .shortAndLong, help: "Show generation, packages, size, age and state of each node.") var long = false
  @Flag(help: "Print a picture (SVG) with the state of each node.") var svg = false
  @Flag(help: "Print the graph in the language of dot(1).") var dot = false

  func validate() throws {
    guard [long, svg, dot, global.json].count(where: { $0 }) <= 1 || long && global.json && !svg && !dot else {
      throw ValidationError("--long, --svg and --dot exclude each other, and --json has everything")
    }
  }

  func perform(in context: Context) throws -> Report {
    let store = try context.store
    if svg || dot {
      let fallbacks = try store.deploymentFacts().filter(\.isPrevious).map(\.deployment.node)
      let graph = TreeGraph(try store.facts(), fallbacks: Set(fallbacks))
      return Report(text: svg ? TreePicture(graph).text : graph.dot, data: [String]())
    }
    if long || global.json {
      let facts = try store.facts()
      return Report(text: TreeView.long(facts), data: facts.map(NodeReport.init))
    }
    return Report(text: try TreeView.plain(store), data: [String]())
  }
}

struct Current: Verb {
  static let configuration = CommandConfiguration(
    commandName: "current", abstract: "Print the running node", aliases: ["c"])
  static var needs: Need { .reading }

  @OptionGroup(title: HelpText.general) var global: GlobalOptions

  func perform(in context: Context) throws -> Report {
    guard let node = try context.store.bootedNode() else {
      throw AstError(
        .notFound, "this machine does not run from a node of \(global.root)",
        hint: "`ast tree` marks the default node with an asterisk")
    }
    return Report(text: "\(node)", data: ["node": node])
  }
}

struct Desc: Verb {
  static let configuration = CommandConfiguration(
    commandName: "desc", abstract: "Set the description of a node",
    discussion: """
      The description can stand for the node's number, as in `ast info 'web server'`, if no other node has the same. An \
      empty one, `ast desc 1 ''`, removes it.
      """,
    aliases: ["description"])

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @Argument(help: "The node.") var node: NodeName
  @OptionGroup var description: DescriptionArgument

  func perform(in context: Context) throws -> Report {
    let node = try context.node(self.node)
    guard !description.words.isEmpty else {
      throw AstError(
        .usage, "a description is missing", hint: "`ast info \(node)` shows it, `ast desc \(node) ''` removes it")
    }
    let operation = try context.store.describe(node, description.description(otherwise: ""))
    return Report(text: "Description of node \(node) changed.", data: ["node": node], transaction: operation)
  }
}

struct New: Verb {
  static let configuration = CommandConfiguration(
    commandName: "new", abstract: "Make a new tree from the base", aliases: ["new-tree"])

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @OptionGroup var description: DescriptionArgument

  func perform(in context: Context) throws -> Report {
    let made = try context.store.addNode(
      GenerationReference(.base), at: .top, description: description.description(otherwise: "new tree"))
    return Report(made, "Node \(made.node.id) made from the base.")
  }
}

struct Clone: Verb {
  static let configuration = CommandConfiguration(
    commandName: "clone", abstract: "Clone a node as a new tree", aliases: ["tree-clone"])

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @Argument(help: "The node or generation to clone.") var node: GenerationName
  @OptionGroup var description: DescriptionArgument

  func perform(in context: Context) throws -> Report {
    let node = try context.store.reference(named: self.node)
    let made = try context.store.addNode(
      node, at: .top, description: description.description(otherwise: "clone of \(node)"))
    return Report(made, "Node \(made.node.id) cloned from \(node).")
  }
}

struct Branch: Verb {
  static let configuration = CommandConfiguration(
    commandName: "branch", abstract: "Add a branch to a node", aliases: ["add-branch"])

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @Argument(help: "The node or generation to branch from.") var node: GenerationName
  @OptionGroup var description: DescriptionArgument

  func perform(in context: Context) throws -> Report {
    let node = try context.store.reference(named: self.node)
    let made = try context.store.addNode(
      node, at: .under(node.node), description: description.description(otherwise: "branch of \(node)"))
    return Report(made, "Branch \(made.node.id) added under \(node.node).")
  }
}

struct CBranch: Verb {
  static let configuration = CommandConfiguration(
    commandName: "cbranch", abstract: "Clone a node under the same parent", aliases: ["clone-branch"])

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @Argument(help: "The node or generation to clone.") var node: GenerationName
  @OptionGroup var description: DescriptionArgument

  func perform(in context: Context) throws -> Report {
    let node = try context.store.reference(named: self.node)
    let made = try context.store.addNode(
      node, at: .beside, description: description.description(otherwise: "clone of \(node)"))
    let parent = made.node.parent.map { "\($0)" } ?? "root"
    return Report(made, "Branch \(made.node.id) added under \(parent).")
  }
}

struct UBranch: Verb {
  static let configuration = CommandConfiguration(
    commandName: "ubranch", abstract: "Clone a node under another parent", aliases: ["clone-under"])

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @Argument(help: "The new parent.") var parent: NodeName
  @Argument(help: "The node or generation to clone.") var node: GenerationName
  @OptionGroup var description: DescriptionArgument

  func perform(in context: Context) throws -> Report {
    let (parent, node) = (try context.node(self.parent), try context.store.reference(named: self.node))
    let made = try context.store.addNode(
      node, at: .under(parent), description: description.description(otherwise: "clone of \(node)"))
    return Report(made, "Branch \(made.node.id) added under \(parent).")
  }
}

struct CloneTree: Verb {
  static let configuration = CommandConfiguration(
    commandName: "clone-tree", abstract: "Clone a node and everything below it, under the same parent")

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @Argument(help: "The top of the tree to clone.") var node: NodeName

  func perform(in context: Context) throws -> Report {
    let node = try context.node(self.node)
    let made = try context.store.cloneTree(node)
    let count = made.nodes.count == 1 ? "1 node" : "\(made.nodes.count) nodes"
    return Report(
      text: "Tree \(made.nodes[0].id) cloned from \(node): \(count).", data: ["nodes": made.nodes.map(\.id)],
      transaction: made.operation)
  }
}

struct Del: Verb {
  static let configuration = CommandConfiguration(
    commandName: "del", abstract: "Delete a node and everything below it, or a deployment", aliases: ["rm-snapshot"])
  static var needs: Need { .freeing }

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @Flag(name: [.customShort("n"), .customLong("simulate")], help: "Show what would be deleted, and change nothing.")
  var simulate = false
  @Argument(help: "The top of the tree to delete, or a deployment such as d3.") var node: NodeName

  func perform(in context: Context) throws -> Report {
    if let deployment = try context.store.deployment(named: "\(node)") { return try delete(deployment, context) }
    let (store, node) = (try context.store, try context.node(self.node))
    let doomed = try store.deletable(node)
    let list = doomed.map { "  \($0.id) - \(Printable.line($0.description))" }.joined(separator: "\n")
    if simulate {
      return Report(text: "Would be deleted:\n\(list)", data: ["nodes": doomed.map(\.id)])
    }
    guard try Confirmation.given("These nodes will be DELETED:\n\(list)\nDelete them?", global) else {
      throw Confirmation.refusal
    }
    let deleted = try store.deleteTree(node)
    let count = deleted.nodes.count == 1 ? "" : " with \(deleted.nodes.count - 1) below it"
    return Report(
      text: "Node \(node)\(count) deleted.", data: ["nodes": deleted.nodes.map(\.id)], transaction: deleted.operation)
  }

  private func delete(_ id: DeploymentID, _ context: Context) throws -> Report {
    let deployment = try context.store.deletable(id)
    let words = "deployment \(id) (generation \(deployment.generation) of node \(deployment.node))"
    if simulate {
      let freed = context.freed(by: [], [deployment]).map { ", which frees \(Quantity.bytes($0))" } ?? ""
      return Report(text: "Would be deleted: \(words)\(freed)", data: ["deployment": id])
    }
    guard try Confirmation.given("This will be DELETED: \(words)\nDelete it?", global) else {
      throw Confirmation.refusal
    }
    return Report(
      text: "Deployment \(id) deleted; node \(deployment.node) stays.", data: ["deployment": id],
      transaction: try context.store.delete(id))
  }
}

extension Report {
  /// The report on a new node.
  init(_ made: Store.Made, _ text: String) {
    self.init(text: text, data: ["node": made.node.id], transaction: made.operation)
  }
}
