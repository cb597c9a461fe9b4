import SnapshotTree

/// Several nodes in few words: numbers that follow each other as a range.
struct NodeList {
  private let ranges: [ClosedRange<Int>]

  /// The nodes, in any order, each once or more.
  init(_ nodes: [NodeID]) {
    var ranges: [ClosedRange<Int>] = []
    for number in Set(nodes).map(\.rawValue).sorted() {
      if let last = ranges.last, last.upperBound + 1 == number {
        ranges[ranges.count - 1] = last.lowerBound...number
      } else {
        ranges.append(number...number)
      }
    }
    self.ranges = ranges
  }

  /// Such as `1-3, 7`; `-` for none.
  var text: String { ranges.isEmpty ? "-" : ranges.flatMap(Self.parts).joined(separator: ", ") }

  /// Such as `node 1` or `nodes 1-3, 7`.
  var words: String { "\(count == 1 ? "node" : "nodes") \(text)" }

  /// The list in at most so many characters, if it has more than one part: the rest is only counted.
  func text(within width: Int) -> String {
    var parts = ranges.flatMap(Self.parts)
    guard text.count > width else { return text }
    repeat { parts.removeLast() } while parts.count > 1 && shortened(parts).count > width
    return shortened(parts)
  }

  private var count: Int { ranges.reduce(0) { $0 + $1.count } }

  private func shortened(_ parts: [String]) -> String { (parts + ["… (\(count))"]).joined(separator: ", ") }

  /// Two numbers are no range.
  private static func parts(_ range: ClosedRange<Int>) -> [String] {
    range.count > 2 ? ["\(range.lowerBound)-\(range.upperBound)"] : range.map(String.init)
  }
}
