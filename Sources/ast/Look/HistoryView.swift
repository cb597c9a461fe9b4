import FoundationEssentials
import Host
import SnapshotTree

/// The table of the history: a row for each command, however many nodes it worked on.
struct HistoryView {
  /// The operations of each command, newest command first.
  let commands: [[Operation]]
  /// The width of the terminal. Only messages may be longer.
  let width: Int

  /// The lines, with a heading.
  var lines: [String] {
    let rows = commands.map(Row.init)
    guard !rows.isEmpty else { return [] }
    let cells = [["WHEN", "ID", "STATE", "NODES"]] + rows.map(\.cells)
    let widths = (0..<4).map { column in cells.map { $0[column].count }.max() ?? 0 }
    let room = max(Self.narrowest, width - widths.reduce(0) { $0 + $1 + 2 })
    let indent = String(repeating: " ", count: widths[0] + 2)
    let heading = Palette.results.strong(Self.line(cells[0], widths, "COMMAND"))
    return [heading]
      + rows.flatMap { row in
        [Self.line(row.cells, widths, Self.shortened(row.command, to: room))] + row.messages.map { indent + $0 }
      }
  }

  /// The fewest characters of a command line that are worth showing.
  private static let narrowest = 24

  private static func line(_ cells: [String], _ widths: [Int], _ last: String) -> String {
    zip(cells, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) + "  " }.joined() + last
  }

  private static func shortened(_ text: String, to width: Int) -> String {
    text.count <= width ? text : "\(text.prefix(width - 1))…"
  }

  /// A command: its cells, and the messages of its operations.
  private struct Row {
    let cells: [String]
    let command: String
    let messages: [String]

    init(_ operations: [Operation]) {
      let nodes = NodeList(operations.compactMap(\.node))
      let first = operations.first
      cells = [
        first.map { LocalTime.text($0.started) } ?? "", first.map { "t\($0.id)" } ?? "", CommandState.words(operations),
        nodes.text(within: 16),
      ]
      command = Printable.line(first?.command ?? "")
      messages = Row.messages(of: operations)
    }

    /// The messages in their order, each once, with the nodes that it is about.
    private static func messages(of operations: [Operation]) -> [String] {
      var seen: Set<String> = []
      let different = operations.compactMap(\.message).filter { seen.insert($0).inserted }
      return different.map { message in
        let nodes = operations.filter { $0.message == message }.compactMap(\.node)
        let about = operations.count > 1 && !nodes.isEmpty ? "\(NodeList(nodes).words): " : ""
        return about + Printable.line(message)
      }
    }
  }
}

/// The state of a command, from those of its operations.
enum CommandState {
  /// The state that all operations have, `running` if one has not ended, `cancelled` if somebody ended them before
  /// one was done, or `partly`.
  static func words(_ operations: [Operation]) -> String {
    let states = Set(operations.map(\.state))
    if states.contains(.running) { return OperationState.running.rawValue }
    if !operations.isEmpty, operations.allSatisfy(\.isCancelled) { return "cancelled" }
    return states.count == 1 ? states.first?.rawValue ?? "" : "partly"
  }
}
