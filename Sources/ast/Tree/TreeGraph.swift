import Nodes
import SnapshotTree

/// The tree as a picture shows it: each node with its number, its description and its states.
struct TreeGraph {
  /// A state that has a colour. Of several, the first one here gives the colour; all are written down.
  enum State: String, CaseIterable {
    case booted, byDefault, fallback, pinned, tagged
  }

  /// A node.
  struct Item {
    let id: NodeID
    let parent: NodeID?
    let description: String
    /// The state that gives the colour; nil if it has none.
    let state: State?
    /// The generation and the states in words.
    let words: String
  }

  /// The nodes, each after its parent and before the next one beside it, with how many are above it.
  let rows: [(item: Item, depth: Int)]

  init(_ facts: [NodeFacts], fallbacks: Set<NodeID>) {
    let children = Dictionary(grouping: facts, by: \.node.parent).mapValues { $0.sorted { $0.node.id < $1.node.id } }
    var rows: [(item: Item, depth: Int)] = []
    var open = (children[nil] ?? []).reversed().map { (facts: $0, depth: 0) }
    while let (next, depth) = open.popLast() {
      rows.append((Item(next, isFallback: fallbacks.contains(next.node.id)), depth))
      open += (children[next.node.id] ?? []).reversed().map { ($0, depth + 1) }
    }
    self.rows = rows
  }
}

extension TreeGraph.Item {
  init(_ facts: NodeFacts, isFallback: Bool) {
    let isPinned = facts.deployments.contains(where: \.isPinned) || !facts.pinnedGenerations.isEmpty
    let states: [(TreeGraph.State, isSo: Bool)] = [
      (.booted, facts.isBooted), (.byDefault, facts.isDefault), (.fallback, isFallback), (.pinned, isPinned),
      (.tagged, !facts.tags.isEmpty),
    ]
    let words = [
      facts.isBooted ? "booted" : nil, facts.isDefault ? "default" : nil, isFallback ? "fallback" : nil,
      isPinned ? "pinned" : nil,
    ]
    let tags = facts.tags.map { $0.generation == nil ? "tag \($0.name)" : "tag \($0.name) (\($0.target))" }
    (id, parent, description) = (facts.node.id, facts.node.parent, Self.drawable(facts.node.description))
    state = states.first(where: \.isSo)?.0
    self.words = (["generation \(facts.generation.number)"] + words.compactMap(\.self) + tags).joined(separator: ", ")
  }

  /// Text for XML 1.0, which does not have every character.
  private static func drawable(_ text: String) -> String {
    let scalars = Printable.line(text).unicodeScalars
    return String(String.UnicodeScalarView(scalars.map { $0.value & 0xfffe == 0xfffe ? "\u{FFFD}" : $0 }))
  }
}

extension TreeGraph {
  /// The graph in the language of dot(1).
  var dot: String {
    let nodes = rows.map { row in
      let item = row.item
      let lines = ["\(item.id)  \(item.description)", item.words].map(Self.quotedForDot)
      let colours = item.state.map(Self.colours) ?? Self.plainColours
      return "  n\(item.id) [label=\"\(lines.joined(separator: "\\n"))\""
        + ", fillcolor=\"\(colours.fill)\", color=\"\(colours.line)\"];"
    }
    let edges = rows.compactMap { row in row.item.parent.map { "  n\($0) -> n\(row.item.id);" } }
    let settings = [
      "  rankdir=LR;",
      "  node [shape=box, style=\"rounded,filled\", fontname=\"sans-serif\", fontcolor=\"#1b1e23\"];",
      "  edge [arrowhead=none, color=\"#868e96\"];",
    ]
    return (["digraph ast {"] + settings + nodes + edges + ["}"]).joined(separator: "\n")
  }

  /// Text inside double quotes: dot takes backslashes for its own signs, and `&` for the beginning of an HTML entity.
  private static func quotedForDot(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
  }

  /// The colours for a light ground.
  static let plainColours = Colours(fill: "#f1f3f5", line: "#868e96")

  static func colours(_ state: State) -> Colours {
    switch state {
    case .booted: Colours(fill: "#d3f0da", line: "#2b8a3e")
    case .byDefault: Colours(fill: "#d6e6fb", line: "#1c62b0")
    case .fallback: Colours(fill: "#fdeac2", line: "#a06000")
    case .pinned: Colours(fill: "#eadcf8", line: "#7040a8")
    case .tagged: Colours(fill: "#d5f1f1", line: "#10757c")
    }
  }

  /// The colours of a node.
  struct Colours {
    let fill: String
    let line: String
  }
}
