/// Draws the tree as a picture (SVG 1.1), complete in itself: browsers show it, and so do programs that know no more of
/// style sheets than classes. It has colours for a light ground, and others where the reader prefers a dark one.
struct TreePicture {
  /// The text of the file.
  let text: String

  init(_ graph: TreeGraph) {
    let boxes = graph.rows.enumerated().map { Box($1.item, depth: $1.depth, row: $0) }
    let places = Dictionary(uniqueKeysWithValues: boxes.map { ($0.item.id, $0) })
    let lines = boxes.compactMap { box in box.item.parent.flatMap { places[$0] }.map(box.line) }
    let width = (boxes.map { $0.left + $0.width }.max() ?? 0) + Self.margin
    let height = boxes.count * Self.rowHeight + 2 * Self.margin - Self.gap
    text = """
      <?xml version="1.0" encoding="UTF-8"?>
      <svg xmlns="http://www.w3.org/2000/svg" width="\(width)" height="\(height)" viewBox="0 0 \(width) \(height)" \
      role="img">
      <title>The tree of ast: \(boxes.count) node\(boxes.count == 1 ? "" : "s")</title>
      <style>
      \(Self.style)
      </style>
      <rect class="ground" width="\(width)" height="\(height)"/>
      \((lines + boxes.map(\.text)).joined(separator: "\n"))
      </svg>
      """
  }

  fileprivate static let margin = 16
  fileprivate static let gap = 12
  fileprivate static let rowHeight = 58

  private static let style = """
    text { font-family: "DejaVu Sans Mono", "Liberation Mono", Menlo, Consolas, monospace; font-size: 14px; }
    .ground { fill: #ffffff; }
    .name { fill: #1b1e23; }
    .number { font-weight: bold; }
    .words { fill: #495057; font-size: 12px; }
    .way { fill: none; stroke: #868e96; stroke-width: 1.5; }
    .node { fill: \(TreeGraph.plainColours.fill); stroke: \(TreeGraph.plainColours.line); stroke-width: 1.5; }
    \(states(TreeGraph.colours))
    @media (prefers-color-scheme: dark) {
    .ground { fill: #16181c; }
    .name { fill: #f1f3f5; }
    .words { fill: #ced4da; }
    .way { stroke: #868e96; }
    .node { fill: #2b3035; stroke: #868e96; }
    \(states(darkColours))
    }
    """

  private static func states(_ colours: (TreeGraph.State) -> TreeGraph.Colours) -> String {
    TreeGraph.State.allCases.map { state in
      let colours = colours(state)
      return ".\(state.rawValue) { fill: \(colours.fill); stroke: \(colours.line); }"
    }.joined(separator: "\n")
  }

  private static func darkColours(_ state: TreeGraph.State) -> TreeGraph.Colours {
    switch state {
    case .booted: TreeGraph.Colours(fill: "#1d4a2a", line: "#69db7c")
    case .byDefault: TreeGraph.Colours(fill: "#1a3d66", line: "#74b0f4")
    case .fallback: TreeGraph.Colours(fill: "#553a08", line: "#f0b03c")
    case .pinned: TreeGraph.Colours(fill: "#43295f", line: "#c49af0")
    case .tagged: TreeGraph.Colours(fill: "#114448", line: "#4fcbd2")
    }
  }
}

/// A node in the picture.
private struct Box {
  let item: TreeGraph.Item
  let left: Int
  let top: Int
  let width: Int
  private let description: String

  init(_ item: TreeGraph.Item, depth: Int, row: Int) {
    self.item = item
    left = TreePicture.margin + depth * Self.indent
    top = TreePicture.margin + row * TreePicture.rowHeight
    description = Self.shortened(item.description)
    let columns = max(
      Double(Self.columns("\(item.id)  \(description)")) * Self.columnWidth,
      Double(Self.columns(item.words)) * Self.smallColumnWidth)
    width = Int(columns.rounded(.up)) + 2 * Self.padding
  }

  private static let indent = 40
  private static let padding = 12
  private static let height = TreePicture.rowHeight - TreePicture.gap
  /// How wide a column of the two fonts is at most, in pixels.
  private static let columnWidth = 8.6
  private static let smallColumnWidth = 7.4
  private static let mostColumns = 60

  /// The line from the parent: down from its left side, then to the right.
  func line(from parent: Box) -> String {
    let x = parent.left + Self.indent / 2
    return "<path class=\"way\" d=\"M\(x) \(parent.top + Self.height) V\(top + Self.height / 2) H\(left)\"/>"
  }

  var text: String {
    let state = item.state.map { " \($0.rawValue)" } ?? ""
    return """
      <g><title>\(Self.quoted("\(item.id): \(item.description) (\(item.words))"))</title>
      <rect class="node\(state)" x="\(left)" y="\(top)" width="\(width)" height="\(Self.height)" rx="6"/>
      <text class="name" x="\(left + Self.padding)" y="\(top + 20)" xml:space="preserve">\
      <tspan class="number">\(item.id)</tspan>  \(Self.quoted(description))</text>
      <text class="words" x="\(left + Self.padding)" y="\(top + 37)">\(Self.quoted(item.words))</text></g>
      """
  }

  private static func quoted(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
      .replacing("\"", with: "&quot;")
  }

  private static func shortened(_ text: String) -> String {
    guard columns(text) > mostColumns else { return text }
    var (short, used) = ("", 0)
    for character in text {
      used += columns("\(character)")
      guard used < mostColumns else { break }
      short.append(character)
    }
    return short + "…"
  }

  /// The columns that a text takes at most: characters of East Asia and pictures take two.
  private static func columns(_ text: String) -> Int {
    text.unicodeScalars.reduce(0) { $0 + ($1.value < 0x1100 ? 1 : 2) }
  }
}
