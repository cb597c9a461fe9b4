import Dispatch
import FoundationEssentials
import Glibc
import Host
import SnapshotTree
import Store
import Synchronization
import SystemPackage

/// What a command does, for programs that follow it: one JSON object a line. The first is `started`, the last
/// `finished`.
///
/// A reader that goes away, or does not read, does not hold up the work: it misses lines. The progress is also in the
/// command's record, which others follow, whether or not somebody reads the stream.
final class EventStream: Sendable {
  /// Whether the events are all that may be on standard error.
  let isOnStandardError: Bool
  /// The descriptor that they are written to; nil if nobody asked for them.
  let file: FileDescriptor?

  private struct State {
    /// The first line.
    var start: StartLine
    var isStarted = false
    var record: OperationRecord?
    var transaction: OperationID?
    var overall = Overall()
    /// The newest progress of each node that is worked on, sent or not.
    var newest: [NodeID?: ProgressLine] = [:]
    /// The progress that waits for its time, the longest first.
    var waiting: [ProgressLine] = []
    /// What programs wrote, and waits for its time.
    var output = WaitingOutput()
    /// The kind of each node's line that was sent last.
    var kinds: [NodeID?: ProgressLine.Kind] = [:]
    /// When the lines of the last second were sent.
    var sent: [ContinuousClock.Instant] = []
    var lastProgress: ContinuousClock.Instant?
    var lastOutput: ContinuousClock.Instant?
    var isPlanned = false
    /// Whether a line was left unfinished, so that nothing can follow.
    var isBroken = false
  }

  private let state: Mutex<State>
  private let queue = DispatchQueue(label: "events")

  /// A stream on a copy of a descriptor, which programs do not inherit, or on none.
  ///
  /// - Parameters:
  ///   - command: the command line.
  ///   - store: the store's directory.
  init(on descriptor: Int32?, of command: String, store: FilePath) {
    let copy = descriptor.map { fcntl($0, F_DUPFD_CLOEXEC, 3) } ?? -1
    if let descriptor, descriptor > STDERR_FILENO { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
    file = copy >= 0 ? FileDescriptor(rawValue: copy) : nil
    isOnStandardError = file != nil && descriptor == STDERR_FILENO
    state = Mutex(State(start: StartLine(command: command, store: store)))
  }

  /// Reports that the command begins its work, on one node or on none in particular.
  func start(on node: NodeID?) {
    state.withLock { state in
      state.start.node = node
      sendStart(&state)
    }
  }

  /// Makes the record by which others follow the command, when it has begun its work.
  ///
  /// - Parameter isPublic: whether users may follow it.
  func record(_ verb: String, isPublic: Bool) {
    state.withLock { state in
      // What was typed may have passwords in it.
      state.start.command = "ast \(verb)\(state.start.node.map { " \($0)" } ?? "")"
      state.record = OperationRecord(named: state.start.operation, isPublic: isPublic)
      writeRecord(&state)
    }
  }

  /// What follows is the work on so many nodes, which is this part of the whole.
  func expect(nodes: Int, in span: ClosedRange<Double> = 0...1) {
    state.withLock { $0.overall.expect(nodes: nodes, in: span) }
  }

  /// Reports progress, unless it is what was reported last.
  ///
  /// - Parameter overall: the part of the whole that is done; nil if the line itself says enough.
  func progress(_ line: ProgressLine, overall: Double? = nil) {
    state.withLock { state in
      guard state.newest[line.node] != line else { return }
      state.newest[line.node] = line
      if let overall { state.overall.raise(to: overall) } else { state.overall.note(line.share, of: line.node) }
      if let index = state.waiting.firstIndex(where: { $0.node == line.node }) {
        // The last step of a state is said, if there is room.
        if state.waiting[index].kind != line.kind, state.sent.count < Pace.kinds {
          send(state.waiting[index], &state)
        }
        state.waiting.remove(at: index)
      }
      state.waiting.append(line)
      sendWhatIsDue(&state)
    }
  }

  /// The work on a node is done.
  func finish(_ node: NodeID) {
    state.withLock { state in
      state.overall.finish(node)
      state.newest[node] = nil
    }
  }

  /// Takes in what the work on the store comes to.
  func note(_ event: StoreEvent) {
    switch event {
    case .began(let operation):
      state.withLock { state in
        state.transaction = operation
        writeRecord(&state)
      }
    case .reached(let step, let node): progress(ProgressLine(reaching: step, of: node))
    case .said(let bytes, let node): said(bytes, of: node)
    }
  }

  /// Reports what programs wrote, some of the time later, and many lines at once.
  func said(_ bytes: [UInt8], of node: NodeID?) {
    guard file != nil else { return }
    state.withLock { state in
      state.output.add(bytes, of: node)
      sendWhatIsDue(&state)
    }
  }

  /// Reports a message for people: `kind` is `note`, `warning` or `error`.
  func tell(_ kind: String, _ message: String) {
    state.withLock { state in
      sendStart(&state)
      write(MessageLine(event: kind, message: message), &state)
    }
  }

  /// Reports that the command ends with this exit status and this result.
  func finish(_ status: Int32, _ result: Envelope) {
    state.withLock { state in
      sendStart(&state)
      for line in state.waiting { send(line, &state) }
      state.waiting = []
      state.output.end()
      while let line = state.output.next() { write(line, &state, patience: 0) }
      write(FinishLine(status: status, result: result), &state)
      let end = FinishLine(status: status, result: Envelope(Report(text: "", data: [String: Int]())))
      state.record?.end(Self.line(end, of: state.transaction))
      state.record = nil
    }
  }

  /// The last line, if a signal ends the command before it has begun anything.
  static func finished(_ status: Int32, _ result: Envelope) -> String {
    line(FinishLine(status: status, result: result), of: nil) + "\n"
  }

  /// An event as it is in the stream, without its end.
  static func line(_ event: some EventLine, of transaction: OperationID?) -> String {
    Line(transaction: transaction, whole: nil, line: event).text
  }

  private func writeRecord(_ state: inout State) {
    guard state.record != nil else { return }
    let start = Self.line(state.start, of: state.transaction)
    let progress = state.newest.values.sorted { ($0.node?.rawValue ?? -1) < ($1.node?.rawValue ?? -1) }
    let lines = progress.map { Line(transaction: state.transaction, whole: state.overall, line: $0).text }
    state.record?.write([start] + lines, as: state.transaction)
  }

  private func sendStart(_ state: inout State) {
    guard !state.isStarted else { return }
    state.isStarted = true
    write(state.start, &state)
  }

  /// Sends what may be sent by now, and comes back when the next one may.
  private func sendWhatIsDue(_ state: inout State) {
    sendStart(&state)
    let now = ContinuousClock.now
    state.sent.removeAll { now - $0 >= .seconds(1) }
    var next: ContinuousClock.Instant?
    var left: [ProgressLine] = []
    for line in state.waiting {
      let due = due(line, state, now)
      if due <= now {
        send(line, &state)
      } else {
        next = min(next ?? due, due)
        left.append(line)
      }
    }
    state.waiting = left
    if !state.output.isEmpty {
      let due = max(state.lastOutput.map { $0 + Pace.output } ?? now, room(for: Pace.lines, state, now))
      if due <= now, let line = state.output.next() {
        state.lastOutput = now
        state.sent.append(now)
        write(line, &state, patience: 0)
        if !state.output.isEmpty { next = min(next ?? now + Pace.output, now + Pace.output) }
      } else {
        next = min(next ?? due, due)
      }
    }
    guard let next, !state.isPlanned else { return }
    state.isPlanned = true
    queue.asyncAfter(deadline: .now() + .milliseconds(Int((next - now) / .milliseconds(1)) + 1)) { [self] in
      self.state.withLock { state in
        state.isPlanned = false
        sendWhatIsDue(&state)
      }
    }
  }

  private func due(
    _ line: ProgressLine, _ state: State, _ now: ContinuousClock.Instant
  ) -> ContinuousClock.Instant {
    guard state.kinds[line.node] == line.kind else { return room(for: Pace.kinds, state, now) }
    return max(state.lastProgress.map { $0 + Pace.steps } ?? now, room(for: Pace.kinds - 2, state, now))
  }

  /// The time when less than `limit` lines were sent in the second before.
  private func room(for limit: Int, _ state: State, _ now: ContinuousClock.Instant) -> ContinuousClock.Instant {
    state.sent.count < limit ? now : state.sent[state.sent.count - limit] + .seconds(1)
  }

  private func send(_ line: ProgressLine, _ state: inout State) {
    state.kinds[line.node] = line.kind
    state.lastProgress = .now
    state.sent.append(.now)
    // A pipe that is full keeps what it has: the next step says more.
    write(line, &state, patience: 0)
    writeRecord(&state)
  }

  /// - Parameter patience: how many milliseconds to wait for a reader of a full pipe.
  private func write(_ line: some EventLine, _ state: inout State, patience: Int32 = 1000) {
    guard let file else { return }
    let whole = line is ProgressLine ? state.overall : nil
    let text = Line(transaction: state.transaction, whole: whole, line: line).text
    var rest = Array("\(text)\n".utf8)[...]
    var patience = patience
    while !rest.isEmpty, !state.isBroken {
      var polled = pollfd(fd: file.rawValue, events: Int16(POLLOUT), revents: 0)
      // So much a pipe takes that can be written to at all (pipe(7)).
      let piece = rest.prefix(Int(PIPE_BUF))
      guard poll(&polled, 1, patience) > 0, (try? file.writeAll(piece)) != nil else {
        state.isBroken = rest.startIndex > 0
        return
      }
      rest = rest.dropFirst(piece.count)
      patience = 1000
    }
  }

  /// At most ten lines in a second, without messages, the first and the last line.
  private enum Pace {
    /// The lines of all kinds in a second.
    static let lines = 10
    /// The lines of progress in a second. Programs' output has the rest.
    static let kinds = 8
    /// The time between two lines of one state.
    static let steps = Duration.milliseconds(200)
    /// The time between two lines of output.
    static let output = Duration.milliseconds(500)
  }
}

/// An event as a line of JSON.
protocol EventLine: Encodable {}

extension ProgressLine: EventLine {}

/// A line with the members that all have.
private struct Line: Encodable {
  let transaction: OperationID?
  let whole: Overall?
  let line: any EventLine

  private enum Key: String, CodingKey { case transaction, overall, nodes, nodesDone }

  func encode(to encoder: any Encoder) throws {
    try line.encode(to: encoder)
    var object = encoder.container(keyedBy: Key.self)
    try object.encode(transaction.map { "\($0)" }, forKey: .transaction)
    guard let whole else { return }
    try object.encode(whole.part, forKey: .overall)
    try object.encode(whole.nodes, forKey: .nodes)
    try object.encode(whole.nodesDone, forKey: .nodesDone)
  }

  var text: String { (try? Envelope.text(of: self)) ?? "{}" }
}

private struct MessageLine: EventLine {
  let event: String
  let message: String
}
