import FoundationEssentials
import Glibc
import Host
import Packages
import SnapshotTree
import SystemPackage

/// Shows progress: to people a line that is redrawn, if standard error is a terminal, or a line for each step, if it is
/// one that does not redraw; to programs the events that they asked for.
final class ProgressView {
  private let isDrawing: Bool
  private let events: EventStream?
  private let nodes: Int
  private var done = 0
  private var states: [NodeID: ProgressLine] = [:]
  private let line: DrawnLine
  private var lastDrawn: ContinuousClock.Instant?
  private var rate = TransferRate()

  /// A view for work on this many nodes, which is this part of the whole work of the command.
  init(_ output: Output, nodes: Int = 1, in span: ClosedRange<Double> = 0...1) {
    self.nodes = nodes
    events = output.events
    events?.expect(nodes: nodes, in: span)
    line = output.drawn
    isDrawing = output.isForPeople && isatty(STDERR_FILENO) == 1
  }

  /// Shows the progress of a node.
  func show(_ progress: PackageProgress, of node: NodeID) {
    guard isDrawing || events != nil else { return }
    if case .downloading(let bytes, _) = progress { rate.note(bytes) }
    let line = ProgressLine(progress, of: node, rate: rate.bytesPerSecond)
    let before = states.updateValue(line, forKey: node)
    events?.progress(line)
    guard isDrawing else { return }
    guard !Terminal.isDumb else {
      if before.map(step) != step(line) { note(step(line), of: node) }
      return
    }
    if case .downloading = progress {
      // These come faster than a terminal shows them. Any other may be the last for a while, and is always drawn.
      if let lastDrawn, ContinuousClock.now - lastDrawn < .milliseconds(80) { return }
    }
    draw()
  }

  /// Counts a node as finished, whether it succeeded or failed.
  func finish(_ node: NodeID) {
    states[node] = nil
    done += 1
    events?.finish(node)
    clear()
  }

  /// Removes the line, so that something else can be printed.
  func clear() {
    line.clear()
    lastDrawn = nil
  }

  /// Prints a step on a line of its own.
  private func note(_ step: String, of node: NodeID) {
    FileDescriptor.standardError.tell(nodes == 1 ? step : "node \(node): \(step)")
  }

  private func draw() {
    lastDrawn = ContinuousClock.now
    let text = nodes == 1 ? states.values.first.map(words) ?? "" : overview
    line.draw(Printable.line(String(text.prefix(Terminal.width - 1))))
  }

  private var overview: String {
    let active = states.sorted { $0.key < $1.key }.map { "\($0.key): \(words($0.value))" }
    return (["\(done) of \(nodes) nodes"] + active).joined(separator: " | ")
  }

  private func words(_ line: ProgressLine) -> String {
    switch line.state {
    case .downloading:
      "\(bar(line.fraction ?? 0)) \(Quantity.bytes(line.done ?? 0)) of \(Quantity.bytes(line.total ?? 0))\(pace(line))"
    case .working: "\(bar(line.fraction ?? 0)) \(line.message ?? "")"
    case .refreshing, .planning, .verifying, .committing, .installingLive: step(line)
    }
  }

  /// The step that the work has reached, without how far it is.
  private func step(_ line: ProgressLine) -> String {
    switch line.state {
    case .refreshing: "fetching the package indices"
    case .planning: "planning"
    case .downloading: "downloading \(Quantity.bytes(line.total ?? 0))"
    case .working: "changing the packages"
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

/// The rate of a download over the last seconds.
private struct TransferRate {
  private var notes: [(time: ContinuousClock.Instant, bytes: Int64)] = []

  mutating func note(_ bytes: Int64) {
    let now = ContinuousClock.now
    notes.append((now, bytes))
    notes.removeAll { now - $0.time > .seconds(5) }
  }

  /// The rate; nil until it is known.
  var bytesPerSecond: Int64? {
    guard let first = notes.first, let last = notes.last, last.bytes > first.bytes else { return nil }
    let seconds = Double((last.time - first.time) / .milliseconds(1)) / 1000
    return seconds > 0.5 ? Int64(Double(last.bytes - first.bytes) / seconds) : nil
  }
}

/// The terminal on standard error.
enum Terminal {
  /// Whether there is one to read from or to write to; without one, nobody watches.
  static var isPresent: Bool { (STDIN_FILENO...STDERR_FILENO).contains { isatty($0) == 1 } }

  /// Whether it only writes on, as terminals of teleprinters do: no line is redrawn, and nothing has a colour.
  static var isDumb: Bool { ["", "dumb"].contains(getenv("TERM").map { String(cString: $0) } ?? "") }

  /// The number of columns of the terminal that results go to; nil if it is none.
  static var widthOfResults: Int? { isatty(STDOUT_FILENO) == 1 ? width : nil }

  /// The number of columns; 80 if there is no terminal.
  static var width: Int {
    var size = winsize()
    guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return Int(size.ws_col)
  }
}
