import Btrfs
import Host
import Synchronization
import SystemPackage

/// Read-only snapshots that are made side by side: btrfs makes all that wait for it in one transaction
/// (create_pending_snapshots in fs/btrfs/transaction.c), so many of them cost hardly more flushes than one.
struct SnapshotBatch: Sendable {
  /// A snapshot to be made. The directory it is made in must exist.
  struct Item: Sendable {
    let source: Subvolume
    let target: FilePath
  }

  /// How many snapshots wait at the same time: with 64 of them, 1 000 need 50 flushes, with 16 about four times as many.
  private static let width = 64

  private let items: [Item]
  private let state = State()

  private final class State: Sendable {
    let next = Atomic(0)
    let failures = Mutex<[(index: Int, error: BtrfsError)]>([])
  }

  init(_ items: [Item]) { self.items = items }

  /// Makes all of them. When it throws, some may have been made, and no thread makes any more.
  ///
  /// - Throws: `BtrfsError` of the first that could not be made; `AstError` after a signal.
  func make() throws {
    OpenFileLimit.raise(for: Self.width * 4)
    let threads = items.count < 2 ? [] : (1..<min(items.count, Self.width)).map { _ in try? QuietThread(work) }
    work()
    for thread in threads { thread?.join() }
    try Interruption.check()
    for (index, error) in state.failures.withLock({ $0 }).sorted(by: { $0.index < $1.index }) {
      // Each one that waits reserves a few MB, so on a nearly full disk there may be room for one after the other.
      guard error.code == .noSpace else { throw error }
      try Interruption.check()
      try make(items[index])
    }
  }

  /// Makes one after the other of those that nobody has begun, until one fails.
  @Sendable private func work() {
    while Interruption.pending == nil, state.failures.withLock({ $0.allSatisfy { $0.error.code == .noSpace } }) {
      let index = state.next.add(1, ordering: .relaxed).oldValue
      guard index < items.count else { return }
      do throws(BtrfsError) {
        try make(items[index])
      } catch {
        state.failures.withLock { $0.append((index, error)) }
      }
    }
  }

  private func make(_ item: Item) throws(BtrfsError) {
    try item.source.snapshot(to: item.target, readOnly: true)
    failPoint("snapshot made")
  }
}
