import Dispatch
import Host
import SnapshotTree
import Store
import Synchronization

/// Work on each node of a tree: parents before children, and independent branches at the same time.
///
/// Everything that belongs to the caller, its closures included, stays in the caller's thread; a worker has its own store.
struct TreeSchedule<Outcome: Sendable> {
  /// A message from a worker.
  private enum Event: Sendable {
    case progress(NodeID, PackageProgress)
    case warning(String)
    case finished(worker: Int, Node, Result<Outcome, AstError>)
  }

  /// The work on a node, with the worker's store.
  typealias Work = @Sendable (Store, Node, (PackageProgress) -> Void) throws -> Outcome

  private let workers: [Worker]
  private let work: Work
  private let events: Mailbox<Event>
  private let store: Store
  private var waiting: [Node]
  private var unfinished: Set<NodeID>
  private var idle: [Int]

  /// A schedule for nodes in an order that has parents before children.
  init(_ nodes: [Node], jobs: Int, in store: Store, work: @escaping Work) throws {
    waiting = nodes
    unfinished = Set(nodes.map(\.id))
    // All stores are opened before any is used: SQLite opens no read-only connection beside one of the same process
    // that writes.
    let events = Mailbox<Event>()
    workers = try (0..<max(1, min(jobs, nodes.count))).map { _ in
      Worker(store: try store.another { events.post(.warning($0)) })
    }
    (self.events, self.store) = (events, store)
    idle = Array(workers.indices)
    self.work = work
  }

  /// Does the work. A node that fails does not stop its subtree or others, unless `stopsAtFailure`; a stop signal does.
  ///
  /// - Returns: the results in the order in which they came, and the nodes that were not started.
  mutating func run(
    stopsAtFailure: Bool, progress: (NodeID, PackageProgress) -> Void,
    finished: (Node, Result<Outcome, AstError>) -> Void
  ) -> (results: [(node: Node, outcome: Result<Outcome, AstError>)], untouched: [Node]) {
    var results: [(node: Node, outcome: Result<Outcome, AstError>)] = []
    var isStopped = false
    while true {
      if !isStopped { startWhatCan() }
      guard idle.count < workers.count else { return (results, waiting) }
      switch events.next() {
      case .progress(let node, let step): progress(node, step)
      case .warning(let text): store.warn(text)
      case .finished(let worker, let node, let outcome):
        idle.append(worker)
        unfinished.remove(node.id)
        results.append((node, outcome))
        finished(node, outcome)
        if case .failure(let error) = outcome, stopsAtFailure || error.code == .interrupted { isStopped = true }
      }
      if Interruption.pending != nil { isStopped = true }
    }
  }

  private mutating func startWhatCan() {
    while let worker = idle.last, let index = waiting.firstIndex(where: { !isUnfinished($0.parent) }) {
      idle.removeLast()
      start(waiting.remove(at: index), on: worker)
    }
  }

  private func isUnfinished(_ parent: NodeID?) -> Bool { parent.map(unfinished.contains) ?? false }

  private func start(_ node: Node, on worker: Int) {
    let (work, events, workplace) = (work, events, workers[worker])
    DispatchQueue(label: "node \(node.id)").async {
      let outcome = Result { try work(workplace.store, node) { events.post(.progress(node.id, $0)) } }
      events.post(.finished(worker: worker, node, outcome.mapError(AstError.init)))
    }
  }
}

/// A store that one thread after the other works with, never two at once: only an idle worker gets work.
private struct Worker: @unchecked Sendable {
  let store: Store
}

/// Messages from many threads for the one that waits for them.
private final class Mailbox<Message: Sendable>: Sendable {
  private let messages = Mutex<[Message]>([])
  private let count = DispatchSemaphore(value: 0)

  func post(_ message: Message) {
    messages.withLock { $0.append(message) }
    count.signal()
  }

  /// The next message; waits until there is one.
  func next() -> Message {
    count.wait()
    return messages.withLock { $0.removeFirst() }
  }
}
