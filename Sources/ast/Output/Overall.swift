import SnapshotTree

/// The part of a command's whole work that is done. It never falls: work that is begun again adds nothing at first.
struct Overall {
  /// From 0 to 1.
  private(set) var part = 0.0
  /// The nodes to work on, and how many of them are finished.
  private(set) var nodes = 1
  private(set) var nodesDone = 0
  private var span = 0.0...1.0
  private var shares: [NodeID?: Double] = [:]

  /// What follows is the work on so many nodes, which is this part of the whole.
  mutating func expect(nodes: Int, in span: ClosedRange<Double>) {
    (self.nodes, self.span) = (max(nodes, 1), span)
    (shares, nodesDone) = ([:], 0)
  }

  /// A node's work is done by this part.
  mutating func note(_ share: Double, of node: NodeID?) {
    shares[node] = max(shares[node] ?? 0, share)
    let done = min(shares.values.reduce(0, +) / Double(nodes), 1)
    raise(to: span.lowerBound + done * (span.upperBound - span.lowerBound))
  }

  /// A node's work is done.
  mutating func finish(_ node: NodeID) {
    nodesDone = min(nodesDone + 1, nodes)
    note(1, of: node)
  }

  /// So much of the whole is done.
  mutating func raise(to part: Double) { self.part = max(self.part, ProgressLine.rounded(part)) }
}
