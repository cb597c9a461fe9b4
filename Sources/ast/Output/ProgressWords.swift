import SnapshotTree

/// Progress in words and bars, for people.
struct ProgressWords {
  private let lines: [ProgressLine]
  private let nodes: Int
  private let done: Int

  /// The progress of work on this many nodes, of which some are finished.
  ///
  /// - Parameter lines: the last step of each node that is worked on.
  init(_ lines: [ProgressLine], nodes: Int, done: Int) { (self.lines, self.nodes, self.done) = (lines, nodes, done) }

  /// All of it in a line that leaves the last column free.
  func text(within width: Int) -> String {
    let text = nodes == 1 ? lines.first.map(words) ?? "" : overview
    return Printable.line(String(text.prefix(width - 1)))
  }

  private var overview: String {
    let active = lines.map { line in (line.node.map { "\($0): " } ?? "") + words(line) }
    return (["\(done) of \(nodes) nodes"] + active).joined(separator: " | ")
  }

  private func words(_ line: ProgressLine) -> String {
    switch line.state {
    case .downloading:
      "\(bar(line.fraction ?? 0)) \(Quantity.bytes(line.done ?? 0)) of \(Quantity.bytes(line.total ?? 0))\(pace(line))"
    case .working:
      line.fraction.map { "\(bar($0)) \(line.message ?? "")" } ?? line.message ?? "working"
    case .refreshing, .planning, .verifying, .committing, .installingLive: name(of: line)
    }
  }

  /// The step that the work has reached, without how far it is, for a line of its own.
  func step(_ line: ProgressLine) -> String {
    let step = Printable.line(name(of: line))
    return nodes == 1 ? step : (line.node.map { "node \($0): " } ?? "") + step
  }

  private func name(of line: ProgressLine) -> String {
    switch line.state {
    case .refreshing: "fetching the package indices"
    case .planning: "planning"
    case .downloading: "downloading \(Quantity.bytes(line.total ?? 0))"
    case .working: line.fraction == nil ? line.message ?? "working" : "changing the packages"
    case .verifying: "verifying"
    case .committing: "committing"
    case .installingLive: "installing in the running system"
    }
  }

  /// The rate and the remaining time; empty until they are known.
  private func pace(_ line: ProgressLine) -> String {
    guard let rate = line.rate, let rest = line.secondsLeft else { return "" }
    return ", \(Quantity.bytes(rate))/s, \(rest / 60):\(rest % 60 < 10 ? "0" : "")\(rest % 60) left"
  }

  private func bar(_ fraction: Double) -> String {
    let percent = Int((min(max(fraction, 0), 1) * 100).rounded(.down))
    let number = String(repeating: " ", count: 3 - "\(percent)".count) + "\(percent)%"
    guard nodes == 1 else { return number }
    let filled = percent * Self.barWidth / 100
    return
      "[\(String(repeating: "#", count: filled))\(String(repeating: ".", count: Self.barWidth - filled))] \(number)"
  }

  private static let barWidth = 20
}
