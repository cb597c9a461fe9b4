import FoundationEssentials
import Nodes
import SnapshotTree
import Store

/// Draws the tree.
enum TreeView {
  /// The tree with numbers, descriptions, and the tags of nodes.
  static func plain(_ store: Store) throws -> String {
    var drawing = Drawing(marked: try store.defaultNode())
    let tags = Dictionary(grouping: try store.tree.tags().filter { $0.generation == nil }, by: \.node)
    try store.tree.forEachNode { id, parent, description in
      let names = tags.isEmpty ? "" : (tags[id] ?? []).map { " [\($0.name)]" }.joined()
      drawing.add(id, under: parent, description + names)
    }
    return drawing.text { _ in "" }
  }

  /// The tree after columns of facts. The tree comes last, so that wide characters in a description do not misalign the
  /// columns.
  static func long(_ facts: [NodeFacts]) -> String {
    var drawing = Drawing(marked: facts.first(where: \.isDefault)?.node.id)
    for fact in facts { drawing.add(fact.node.id, under: fact.node.parent, fact.node.description) }
    let now = Date()
    let rows = facts.map { fact in
      [
        "\(fact.generation.number)", fact.packages.map(String.init) ?? "-",
        fact.generation.size.map(Quantity.bytes) ?? "-", Quantity.age(from: fact.generation.created, to: now),
        fact.state,
      ]
    }
    let header = ["GEN", "PKGS", "SIZE", "AGE", "STATE"]
    let widths = header.indices.map { column in ([header] + rows).map { $0[column].count }.max() ?? 0 }
    let lines = Dictionary(uniqueKeysWithValues: zip(facts.map(\.node.id), rows.map { row($0, widths) }))
    let blank = row(header.map { _ in "" }, widths)
    return Palette.results.strong("\(row(header, widths))TREE") + "\n"
      + drawing.text { node in node.flatMap { lines[$0] } ?? blank }
  }

  /// A row of cells: numbers are aligned right, the last cell left.
  static func row(_ cells: [String], _ widths: [Int]) -> String {
    zip(cells, widths).enumerated().map { column, cell in
      let space = String(repeating: " ", count: cell.1 - cell.0.count)
      return column == cells.count - 1 ? cell.0 + space : space + cell.0
    }.joined(separator: "  ") + "  "
  }
}

/// The lines of a tree: first the nodes are added, in any order, then the text is made in one pass.
private struct Drawing {
  private let marked: NodeID?
  private var nodes: [(id: NodeID, parent: NodeID?, description: String)] = []

  init(marked: NodeID?) { self.marked = marked }

  mutating func add(_ id: NodeID, under parent: NodeID?, _ description: String) {
    nodes.append((id, parent, description))
  }

  func text(before: (NodeID?) -> String) -> String {
    let tops = nodes.count
    let (firstChild, sibling) = links(tops: tops)
    // Bytes, because a string looks at its characters again whenever something is appended.
    var text = Array((before(nil) + "root").utf8)
    text.reserveCapacity(nodes.count * 80)
    var prefix: [UInt8] = []
    var above: [Int] = []
    var next = firstChild[tops]
    while let index = next {
      let node = nodes[index]
      let isLast = sibling[index] == nil
      text.append(UInt8(ascii: "\n"))
      text += before(node.id).utf8
      text += prefix
      text += (isLast ? "└── " : "├── ").utf8
      text += (node.id == marked ? Palette.results.strong("\(node.id)*") + "- " : "\(node.id) - ").utf8
      text += Printable.line(node.description).utf8
      above.append(index)
      prefix += Self.indent(isLast)
      next = firstChild[index]
      // From the last node of a level back up to one that has a sibling.
      while next == nil, let done = above.popLast() {
        next = sibling[done]
        prefix.removeLast(Self.indent(next == nil).count)
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  private static func indent(_ isLast: Bool) -> String.UTF8View { (isLast ? "    " : "│   ").utf8 }

  /// For each node its first child and its next sibling; the first node without a parent is at `tops`.
  private func links(tops: Int) -> (firstChild: [Int?], sibling: [Int?]) {
    let places = Dictionary(uniqueKeysWithValues: zip(nodes.lazy.map(\.id), nodes.indices))
    var firstChild = [Int?](repeating: nil, count: nodes.count + 1)
    var sibling = [Int?](repeating: nil, count: nodes.count)
    for index in nodes.indices.reversed() {
      guard let parent = nodes[index].parent.map({ places[$0] }) ?? tops else { continue }
      sibling[index] = firstChild[parent]
      firstChild[parent] = index
    }
    return (firstChild, sibling)
  }
}
