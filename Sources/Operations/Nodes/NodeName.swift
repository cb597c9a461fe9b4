import Host
import SnapshotTree
import Store

/// The name by which a user calls a node: its number, a tag or its description.
public enum NodeName: Sendable, Equatable, CustomStringConvertible {
  /// The number.
  case number(NodeID)
  /// The tag or description, as it was typed.
  case description(String)

  /// Reads what was typed; nil if it is empty. A number always means a node's number, even if a node has it as its
  /// description.
  public init?(_ text: String) {
    guard !text.isEmpty else { return nil }
    self = NodeID(text).map(NodeName.number) ?? .description(text)
  }

  /// The text as it was typed.
  public var description: String {
    switch self {
    case .number(let number): "\(number)"
    case .description(let text): text
    }
  }
}

extension Store {
  /// The node that a user means, by its number, a tag or its description. A description must be a node's whole
  /// description, and no other node's. Case is ignored if no description matches exactly.
  ///
  /// - Throws: `AstError`: not found if no node has this name (a number is not looked up), usage if several have it, or if
  ///   a generation has.
  public func node(named name: NodeName) throws -> NodeID {
    let text: String
    switch name {
    case .number(let number): return number
    case .description(let typed): text = typed
    }
    let nodes = try tree.nodes()
    let same = nodes.filter { $0.description == text }
    if let tag = try tag(named: text) { return try node(with: tag, describedBy: same.first { $0.id != tag.node }) }
    let found = same.isEmpty ? nodes.filter { $0.description.lowercased() == text.lowercased() } : same
    if let node = found.first, found.count == 1 { return node.id }
    guard found.isEmpty else {
      let numbers = found.map { "\($0.id)" }.joined(separator: ", ")
      throw AstError(
        .usage, "several nodes are called “\(text)”: \(numbers)", state: .unchanged,
        hint: "name one by its number")
    }
    if let generation = GenerationName(text)?.part, let node = try? node(named: generation.node) {
      throw AstError.notANode(text, node)
    }
    throw AstError(
      .notFound, "there is no node “\(text)”",
      hint: Self.similar(to: text, in: nodes).map { "did you mean node \($0.id), “\($0.description)”?" }
        ?? "`ast tree` shows the nodes, with their descriptions")
  }

  private func node(with tag: Tag, describedBy other: Node?) throws -> NodeID {
    if let other {
      let tagged = tag.generation == nil ? "node \(tag.node)" : "generation \(tag.target)"
      throw AstError.ambiguous(tag.name.description, "the tag of \(tagged)", "the description of node \(other.id)")
    }
    guard tag.generation == nil else { throw AstError.notANode(tag.name.description, tag.node) }
    return tag.node
  }

  private static func similar(to text: String, in nodes: [Node]) -> Node? {
    let wanted = text.lowercased()
    return Spelling.nearest(to: wanted, in: nodes) { $0.description.lowercased() }
      ?? nodes.first { !wanted.isEmpty && $0.description.lowercased().contains(wanted) }
  }
}

extension AstError {
  fileprivate static func notANode(_ text: String, _ node: NodeID) -> AstError {
    AstError(
      .usage, "“\(text)” is a generation of node \(node), and here a node is needed", state: .unchanged,
      hint: "name the node: \(node)")
  }
}
