import Btrfs
import Host
import SnapshotTree
import Store

/// What became of one node when its files were to share their space.
public struct DeduplicationResult: Sendable {
  /// The node.
  public let node: NodeID
  /// What is shared that was not, or why nothing is.
  public let outcome: Result<SharedFiles, AstError>

  /// What is shared that was not.
  public var shared: SharedFiles { (try? outcome.get()) ?? SharedFiles() }

  /// Why nothing is shared.
  public var failure: AstError? { if case .failure(let error) = outcome { error } else { nil } }
}

/// What `dedupe` has done.
public struct Deduplication: Sendable {
  /// Node by node, as far as it came.
  public internal(set) var results: [DeduplicationResult] = []
  /// The signal that ended it early.
  public internal(set) var interruption: Int32?

  /// The exit status of the command line.
  public var exitStatus: Int32 {
    if let interruption { return 128 + interruption }
    let failures = results.compactMap(\.failure)
    if failures.contains(where: { $0.code == .noSpace }) { return AstError(.noSpace, "").exitStatus }
    return failures.isEmpty ? 0 : AstError(.partial, "").exitStatus
  }
}

/// `dedupe`: files that nodes have alike, though each got them by itself, come to share their space.
extension Store {
  /// Lets the files of the packages in nodes, in all nodes but the base where none is named, use the space of equal
  /// files in other nodes. A node that fails does not stop the others; an interruption stops at once.
  ///
  /// It is done in the sealed generations themselves, all that a node has: the kernel compares the bytes and changes
  /// only where on the disk they are, extent by extent, each in a transaction of the file system. So at any moment, also
  /// when the power goes, each file has its content, and there is nothing to commit, to recover or to undo. A new
  /// generation would free no space as long as there is the one before it, and `ast undo`, `ast deploy` and
  /// `ast auto-upgrade` would take it for the change that it is not.
  ///
  /// What a deployment boots is left alone.
  ///
  /// - Parameters:
  ///   - progress: called with each node before it is looked at.
  ///   - finished: called with each result as it is there.
  public func deduplicate(
    _ ids: [NodeID], progress: (NodeID) -> Void, finished: (DeduplicationResult) -> Void
  ) throws -> Deduplication {
    guard !ids.contains(.base) else { throw AstError.baseIsADonor }
    let named = try Set(ids).map { try node($0).id }
    let nodes = try named.isEmpty ? tree.nodes().map(\.id).filter { $0 != .base } : named.sorted()
    Interruption.holdBack()
    var done = Deduplication()
    for (index, node) in nodes.enumerated() where Interruption.pending == nil {
      progress(node)
      // Those that are still to come share with this one, which keeps what it has: else all would move in turn.
      let later = Set(nodes[(index + 1)...])
      let outcome = Result { try deduplicate(node, except: later) }.mapError(AstError.init)
      let result = DeduplicationResult(node: node, outcome: outcome)
      finished(result)
      done.results.append(result)
    }
    let isWhole = done.results.count == nodes.count && !done.results.contains { $0.shared.isIncomplete }
    done.interruption = isWhole ? nil : Interruption.pending
    return done
  }

  /// Does it in one node, which nobody else changes meanwhile.
  private func deduplicate(_ id: NodeID, except later: Set<NodeID>) throws -> SharedFiles {
    let lock = try lock(id)
    defer { withExtendedLifetime(lock) {} }
    var shared = SharedFiles()
    for generation in try tree.generations(of: id) where !shared.isIncomplete {
      guard let manifest = generation.manifest else { continue }
      let packages = try tree.packages(in: manifest)
      let root = try subvolume(of: generation).path
      shared.add(try shareFiles(of: packages, in: root, of: id, except: later))
      failPoint("files shared")
    }
    if let failure = shared.diskFailure { throw failure }
    warn(of: shared, in: id)
    guard shared.files > 0 else { return shared }
    // The space is free when the file system has written that nobody uses it.
    try FileSystem.sync(root)
    do {
      try change(holding: [id]) { _ = try recordOperation("dedupe", on: id) }
    } catch {
      warn("the history does not say that files of node \(id) were shared: \(AstError(error).message)")
    }
    return shared
  }
}

extension AstError {
  fileprivate static let baseIsADonor = AstError(
    .refused, "node 0 is the base: other nodes share what it has", state: .unchanged, hint: "name one of the others")
}
