import Btrfs
import Host
import SnapshotTree
import Store

/// The result of sharing the files of one node.
public struct DeduplicationResult: Sendable {
  /// The node.
  public let node: NodeID
  /// The newly shared files, or why none is.
  public let outcome: Result<SharedFiles, AstError>

  /// The newly shared files.
  public var shared: SharedFiles { (try? outcome.get()) ?? SharedFiles() }

  /// Why nothing is shared.
  public var failure: AstError? { if case .failure(let error) = outcome { error } else { nil } }
}

/// The result of `dedupe`.
public struct Deduplication: Sendable {
  /// The results, node by node, up to an interruption.
  public internal(set) var results: [DeduplicationResult] = []
  /// The signal that ended it early.
  public internal(set) var interruption: Int32?

  /// The exit status of the command line.
  public var exitStatus: Int32 {
    if let interruption { return 128 + interruption }
    let failures = results.compactMap(\.failure)
    if failures.contains(where: { $0.code == .noSpace }) { return AstError.Code.noSpace.exitStatus }
    return failures.isEmpty ? 0 : AstError.Code.partial.exitStatus
  }
}

/// `dedupe`: lets equal files that nodes got separately share their space.
extension Store {
  /// Lets the files of the packages in these nodes, or in all nodes but the base if none is named, use the space of
  /// equal files in other nodes. A node that fails does not stop the others; an interruption stops at once.
  ///
  /// This works in the sealed generations themselves, all generations of a node: the kernel compares the bytes and
  /// changes only where on the disk they are, extent by extent, each in a transaction of the file system. So each file
  /// has its content at any moment, even if the power goes, and there is nothing to commit, to recover or to undo. A
  /// new generation would free no space while the one before it exists, and `ast undo`, `ast deploy` and `ast
  /// auto-upgrade` would mistake it for a change.
  ///
  /// The subvolumes of deployments are left alone.
  ///
  /// - Parameters:
  ///   - progress: called with each node before it is looked at.
  ///   - finished: called with each result as soon as it is known.
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
      // Later nodes share with this one, which keeps its extents: otherwise all extents would move in turn.
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

  /// Does this in one node, whose lock keeps other commands from changing it.
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
    // The space is free after the file system has written that it is unused.
    try FileSystem.sync(root)
    do {
      try change(holding: [id]) { _ = try recordOperation("dedupe", on: id) }
    } catch {
      warn("files of node \(id) were shared, but that cannot be entered in the history: \(AstError(error).message)")
    }
    return shared
  }
}

extension AstError {
  fileprivate static let baseIsADonor = AstError(
    .refused, "node 0 is the base: other nodes share its files", state: .unchanged, hint: "name one of the others")
}
