import ArgumentParser
import Nodes
import SnapshotTree
import Store

struct Usage: Verb {
  static let configuration = CommandConfiguration(
    commandName: "du", abstract: "Show the disk usage of nodes",
    discussion: """
      SIZE is everything in a node, PARENT the part that it shares with its parent, OWN the part that nothing else \
      shares: it is freed when the node is deleted.

      If no node is named, it is said what the store takes in all. What several nodes or generations share is counted \
      once there.
      """)
  static var needs: Need { .root }

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @Argument(help: "The nodes (default: all).") var nodes: [NodeName] = []

  func perform(in context: Context) throws -> Report {
    let store = try Store(opening: global.root, .reading, wait: global.wait, command: context.command, reader: .files)
    let usages = try store.measure(nodes.map(store.node(named:))) { context.output.note("measuring node \($0)") }
    let total = usages.reduce(0) { $0 + $1.exclusive }
    let all = try nodes.isEmpty ? store.measureAll() : nil
    let text = Self.table(usages, total: total, hasTotal: all == nil) + (all.map { "\n\n\(Self.summary($0))" } ?? "")
    return Report(text: text, data: UsageReport(usages, total: total, all))
  }

  private static func summary(_ usage: StoreUsage) -> String {
    let rows = [
      ("the nodes; what they share is counted once", usage.nodes),
      ("what only older generations have", usage.olderGenerations),
      ("what only deployments have", usage.deployments),
      ("cache of packages, and their lists", usage.cache), ("database and logs", usage.rest),
      ("the store", usage.total),
    ]
    let cells = rows.map { [Quantity.bytes($1), $0] }
    let width = cells.map { $0[0].count }.max() ?? 0
    return cells.map { String(repeating: " ", count: width - $0[0].count) + $0.joined(separator: "  ") }
      .joined(separator: "\n")
  }

  private static func table(_ usages: [NodeUsage], total: Int64, hasTotal: Bool) -> String {
    let rows = usages.map { usage in
      [
        "\(usage.node.id)", Quantity.bytes(usage.referenced), usage.sharedWithParent.map(Quantity.bytes) ?? "-",
        Quantity.bytes(usage.exclusive), "",
      ]
    }
    let last = hasTotal ? [["total", "", "", Quantity.bytes(total), ""]] : []
    let cells = [["NODE", "SIZE", "PARENT", "OWN", ""]] + rows + last
    let widths = cells[0].indices.map { column in cells.map { $0[column].count }.max() ?? 0 }
    let texts = ["DESCRIPTION"] + usages.map { Printable.line($0.node.description) } + [""]
    return zip(cells, texts).map { (TreeView.row($0, widths) + $1) }.map(withoutTrailingSpace).joined(separator: "\n")
  }

  private static func withoutTrailingSpace(_ line: String) -> String {
    String(line.reversed().drop { $0 == " " }.reversed())
  }
}

/// The disk usage as `du --json` shows it.
private struct UsageReport: Encodable {
  private struct Row: Encodable {
    let node: NodeID
    let description: String
    let referenced: Int64
    @Nullable var sharedWithParent: Int64?
    let exclusive: Int64
  }

  private struct Whole: Encodable {
    let nodes, olderGenerations, deployments, cache, rest, total: Int64
  }

  private let nodes: [Row]
  private let exclusive: Int64
  @Nullable private var store: Whole?

  init(_ usages: [NodeUsage], total: Int64, _ all: StoreUsage?) {
    nodes = usages.map {
      Row(
        node: $0.node.id, description: $0.node.description, referenced: $0.referenced,
        sharedWithParent: $0.sharedWithParent, exclusive: $0.exclusive)
    }
    exclusive = total
    store = all.map {
      Whole(
        nodes: $0.nodes, olderGenerations: $0.olderGenerations, deployments: $0.deployments, cache: $0.cache,
        rest: $0.rest, total: $0.total)
    }
  }
}
