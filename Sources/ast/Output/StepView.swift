import SnapshotTree

/// Shows the steps of work that has a sentence for each of them.
final class StepView {
  private let output: Output
  private let node: NodeID?
  private let expected: Int
  private var begun = 0

  /// A view for work of about this many steps, on a node or on more than one.
  init(_ output: Output, expecting expected: Int, on node: NodeID? = nil) {
    self.output = output
    self.node = node
    self.expected = max(expected, 1)
  }

  /// Shows a step that begins.
  func show(_ message: String) {
    report(message)
    output.tellUser(message)
  }

  /// Shows a step that begins to users who watch, because the result repeats it.
  func showToWatchers(_ message: String) {
    report(message)
    if Terminal.isPresent { output.tellUser(message) }
  }

  private func report(_ message: String) {
    begun += 1
    output.events?.progress(ProgressLine(message, of: node), overall: done)
  }

  /// What is done when the step begins. More steps than expected share the place of the last one.
  private var done: Double {
    let whole = Double(expected)
    return begun <= expected ? Double(begun - 1) / whole : 1 - 1 / (whole * Double(begun - expected + 1))
  }
}
