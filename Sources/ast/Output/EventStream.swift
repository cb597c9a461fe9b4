import Dispatch
import FoundationEssentials
import Glibc
import Host
import SnapshotTree
import Synchronization
import SystemPackage

/// What a command does, for programs that follow it: one JSON object a line. The first is `started`, the last
/// `finished`.
///
/// A reader that goes away, or does not read, does not hold up the work: it misses lines.
final class EventStream: Sendable {
  /// Whether the events are all that may be on standard error.
  let isOnStandardError: Bool
  /// The descriptor that they are written to.
  let file: FileDescriptor

  private struct State {
    /// The newest progress of each node, sent or not.
    var newest: [NodeID: ProgressLine] = [:]
    /// The progress that waits for its time.
    var waiting: [NodeID: ProgressLine] = [:]
    var sent: [ProgressLine.Kind: ContinuousClock.Instant] = [:]
  }

  private let state = Mutex(State())
  private let queue = DispatchQueue(label: "events")

  /// A stream on a copy of a descriptor, which programs do not inherit; nil if the descriptor is not open.
  init?(on descriptor: Int32) {
    let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 3)
    guard copy >= 0 else { return nil }
    if descriptor > STDERR_FILENO { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
    isOnStandardError = descriptor == STDERR_FILENO
    file = FileDescriptor(rawValue: copy)
  }

  /// Reports that the command begins.
  func start(_ command: String) { send(StartLine(command: command)) }

  /// Reports progress, unless it is what was reported last. Of the steps of one kind that come faster than
  /// `interval`, the last one is reported when its time has come, or before a step of another kind.
  func progress(_ line: ProgressLine) {
    state.withLock { state in
      guard state.newest[line.node] != line else { return }
      state.newest[line.node] = line
      if let waiting = state.waiting[line.node], waiting.kind != line.kind { sendWaiting(of: line.node, &state) }
      let now = ContinuousClock.now
      let due = state.sent[line.kind].map { $0 + Self.interval } ?? now
      let isPlanned = state.waiting.updateValue(line, forKey: line.node) != nil
      if due <= now {
        sendWaiting(of: line.node, &state)
      } else if !isPlanned {
        let delay = Int((due - now) / .milliseconds(1)) + 1
        let node = line.node
        queue.asyncAfter(deadline: .now() + .milliseconds(delay)) { [self] in sendDue(of: node) }
      }
    }
  }

  /// Reports a message for people: `kind` is `note`, `warning` or `error`.
  func tell(_ kind: String, _ message: String) { send(MessageLine(event: kind, message: message)) }

  /// Reports that the command ends with this exit status.
  func finish(_ status: Int32) {
    state.withLock { state in
      for node in state.waiting.keys.sorted() { sendWaiting(of: node, &state) }
    }
    send(FinishLine(status: status))
  }

  /// The last line, if a signal ends the command.
  static func finished(_ status: Int32) -> String { FinishLine(status: status).text + "\n" }

  private func sendDue(of node: NodeID) {
    state.withLock { state in
      guard let line = state.waiting[node] else { return }
      if let sent = state.sent[line.kind], .now - sent < Self.interval { return }
      sendWaiting(of: node, &state)
    }
  }

  private func sendWaiting(of node: NodeID, _ state: inout State) {
    guard let line = state.waiting.removeValue(forKey: node) else { return }
    state.sent[line.kind] = .now
    // A pipe that is full keeps what it has: the next step says more.
    send(line, patience: 0)
  }

  /// - Parameter patience: how many milliseconds to wait for a reader of a full pipe.
  private func send(_ line: some EventLine, patience: Int32 = 1000) {
    var polled = pollfd(fd: file.rawValue, events: Int16(POLLOUT), revents: 0)
    guard poll(&polled, 1, patience) > 0 else { return }
    file.tell(line.text)
  }

  /// With the step before one of another kind, at most ten lines of a kind in a second.
  private static let interval = Duration.milliseconds(125)
}

/// An event as a line of JSON.
private protocol EventLine: Encodable {}

extension EventLine {
  var text: String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
  }
}

private struct StartLine: EventLine {
  let apiVersion = 1
  let event = "started"
  let command: String
  let pid = getpid()
}

private struct MessageLine: EventLine {
  let event: String
  let message: String
}

private struct FinishLine: EventLine {
  let event = "finished"
  let status: Int32
}

extension ProgressLine: EventLine {}
