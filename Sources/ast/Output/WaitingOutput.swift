import Host
import SnapshotTree

/// What programs wrote, until it is sent: whole lines, and of too many the last ones.
struct WaitingOutput {
  private var buffers: [NodeID?: LineBuffer] = [:]
  private var lines: [(node: NodeID?, text: String)] = []
  private var leftOut = 0

  var isEmpty: Bool { lines.isEmpty }

  mutating func add(_ bytes: [UInt8], of node: NodeID?) {
    keep(buffers[node, default: LineBuffer()].lines(adding: bytes), of: node)
  }

  /// Takes what has no end of line for a line: nothing follows.
  mutating func end() {
    let rest = buffers.mapValues(\.unfinished).filter { !$0.value.isEmpty }
    buffers = [:]
    for (node, text) in rest { keep([text], of: node) }
  }

  /// The lines of the node that has waited longest, as an event.
  mutating func next() -> OutputLine? {
    guard let node = lines.first?.node else { return lines.isEmpty ? nil : take(nil) }
    return take(node)
  }

  private mutating func take(_ node: NodeID?) -> OutputLine {
    let line = OutputLine(node: node, lines: lines.filter { $0.node == node }.map(\.text), leftOut: leftOut)
    lines.removeAll { $0.node == node }
    leftOut = 0
    return line
  }

  private mutating func keep(_ new: [String], of node: NodeID?) {
    lines += new.map { (node, String($0.prefix(Self.longest))) }
    let tooMany = lines.count - Self.most
    guard tooMany > 0 else { return }
    lines.removeFirst(tooMany)
    leftOut += tooMany
  }

  /// What comes in half a second is a screen or two at most, unless it is of no use to people.
  private static let most = 100
  private static let longest = 500
}

/// What programs wrote, as an event.
struct OutputLine: EventLine {
  let event = "output"
  @Nullable var node: NodeID?
  let lines: [String]
  /// How many lines before these were left out.
  let leftOut: Int
}
