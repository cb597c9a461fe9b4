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

  private var words: ProgressWords {
    ProgressWords(states.values.sorted { ($0.node ?? .base) < ($1.node ?? .base) }, nodes: nodes, done: done)
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
      let step = words.step(line)
      if before.map(words.step) != step { FileDescriptor.standardError.tell(step) }
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

  private func draw() {
    lastDrawn = ContinuousClock.now
    line.draw(words.text(within: Terminal.width))
  }
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
