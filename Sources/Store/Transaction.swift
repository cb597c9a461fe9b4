import Btrfs
import DebianFormats
import FoundationEssentials
import Glibc
import Host
import Rootfs
import Sandbox
import SnapshotTree
import SystemPackage

/// A change of one node's content: a writable clone of its current generation, worked in, then sealed and committed
/// as the next generation, or discarded without a trace.
///
/// The order of the steps makes it safe; `RunInNode.swift` shows them from top to bottom. Until `commit` the node is
/// unchanged; a crash leaves a clone that no row refers to, which the next change removes.
package struct Transaction {
  /// The node as it was at the start.
  package let node: Node
  /// The clone to work in: a writable subvolume that no other command uses.
  package let clone: Subvolume
  /// Its entry in the history.
  package let operation: OperationID

  package let store: Store
  private let lock: Lock
  private let next: GenerationNumber
  private let lent: LentFiles
  private let state: LentState
  private let signer: ModuleSigner?
  private let unchanged: UInt64

  /// The one kind of transaction that may change the base.
  package static let baseUpdate = "base-update"
  /// A transaction that outlives the command that opened it.
  package static let open = "open"

  /// Steps 1 and 2: locks the node, enters the intent durably, stages the clone.
  ///
  /// - Parameters:
  ///   - resolver: the resolv.conf of programs with a network.
  ///   - number: the number that it must get, if it must be a certain one.
  /// - Throws: also `NumberIsTaken`; then nothing has begun.
  package init(
    on id: NodeID, _ kind: String, resolver: String? = nil, number: OperationID? = nil, in store: Store
  ) throws {
    let lock = try store.lock(id)
    let (node, operation) = try store.change(holding: [id]) {
      let node = try store.node(id)
      guard node.id != .base || kind == Transaction.baseUpdate else { throw AstError.base }
      let operation = try store.intend(kind, on: id, from: node.current, to: node.nextGeneration)
      guard number == nil || number == operation else { throw NumberIsTaken() }
      return (node, operation)
    }
    failPoint("intent entered")
    self.store = store
    self.lock = lock
    self.node = node
    self.operation = operation
    next = node.nextGeneration
    do {
      clone = try store.subvolume(of: try store.current(node)).snapshot(
        to: store.staging(of: id, operation), readOnly: false)
      failPoint("clone made")
      lent = try LentFiles(to: clone.path, resolver: resolver)
      state = LentState(of: clone.path)
      try state.lend()
      signer = store.moduleSigner(for: id, in: clone.path)
      try FileSystem.sync(clone.path)
      unchanged = try clone.info().transaction
    } catch {
      let failure = AstError(error).ending(operation)
      try store.abandon(operation, on: id, nil, failure.message)
      throw failure
    }
    failPoint("staged")
  }

  /// A sandbox with the clone as its root.
  package func sandbox(network: Sandbox.Network) throws -> Sandbox {
    var sandbox = try store.sandbox(for: node.id, at: clone.path, network: network)
    sandbox.transaction = "t\(operation)"
    lent.adapt(&sandbox)
    sandbox.binds += [signing].compactMap(\.self)
    return sandbox
  }

  /// What a sandbox in the clone shows so that kernel modules are signed; nil if they are not.
  package var signing: Sandbox.Bind? { signer?.bind }

  /// Ends the transaction and leaves the node as it was; the history has `reason`.
  package func discard(_ reason: String) throws {
    try store.abandon(operation, on: node.id, next, reason)
  }

  /// Runs a step of the transaction. If it fails, discards the transaction, unless it may have been committed.
  ///
  /// - Throws: `AstError` with the operation; `TreeError` if the outcome is unknown.
  package func discarding<Result>(_ step: () throws -> Result) throws -> Result {
    do {
      return try step()
    } catch let error as TreeError where error.isOutcomeUnknown {
      throw error
    } catch {
      let failure = AstError(error).ending(operation)
      try discard(failure.message)
      throw failure
    }
  }

  /// Ends a transaction that changed nothing.
  package func discardUnchanged() throws {
    try store.discardStaging(of: node.id, operation, nil)
    try store.change(holding: [node.id], own: operation) {
      try store.tree.finish(operation, .done, message: "nothing was changed")
    }
  }

  /// Whether anything in the clone was changed: btrfs numbers its transactions and remembers the last one that touched
  /// a subvolume.
  package func hasChanged() throws -> Bool {
    try FileSystem.sync(clone.path)
    return try clone.info().transaction != unchanged
  }

  /// Step 4: refuses a root that has lost its package database.
  package func verify() throws {
    store.report(.reached(.verifying, node.id))
    let before = try store.tree.generation(of: node.id, node.current)?.manifest
    guard before != nil, try PackageDatabase.installed(in: clone.path)?.isEmpty ?? true else { return }
    throw AstError(.refused, "node \(node.id) would no longer have a package database", state: .discarded)
  }

  /// Gives the accounts in the clone the numbers that they have in all nodes, and returns what it changed.
  package func reconcileAccounts() throws -> [AccountChange] {
    try store.reconcileAccounts(in: clone, holding: [node.id], own: operation)
  }

  /// What the clone can be booted with. This runs a program of the node, so it comes before any lock is taken that other
  /// nodes need.
  package func bootFiles() throws -> BootFiles? {
    try store.bootFilesToTry(in: clone.path, of: node.id, named: store.path(of: node.id, next))
  }

  /// Step 5: makes the clone read-only under its final name, and everything in it durable.
  ///
  /// - Parameter boot: the result of `bootFiles`.
  package func seal(_ boot: BootFiles?) throws -> SealedSnapshot {
    store.report(.reached(.committing, node.id))
    for refusal in signer?.refusals ?? [] { store.warn("node \(node.id): a kernel module is not signed: \(refusal)") }
    try lent.giveBack()
    try state.giveBack()
    try clone.removeProtection()
    failPoint("prepared for the seal")
    try clone.setReadOnly(true)
    failPoint("read-only")
    let final = store.path(of: node.id, next)
    try Files.rename(clone.path, to: final)
    failPoint("renamed")
    try FileSystem.sync(store.root)
    failPoint("sealed")
    return try SealedSnapshot(Subvolume(at: final), boot: boot)
  }

  /// Steps 6 and 7: enters the new generation, which is the node's content from then on. Old generations beyond the
  /// number that is kept are deleted afterwards.
  ///
  /// - Parameter spared: an old generation that stays until the next change.
  package func commit(_ sealed: SealedSnapshot, sparing spared: GenerationNumber? = nil) throws -> Generation {
    try store.change(holding: [node.id], own: operation) {
      let tree = store.tree
      let generation = Generation(
        node: node.id, number: next, subvolume: sealed.identity, created: Date(), operation: operation,
        manifest: try sealed.packages.map(tree.manifest(for:)), size: sealed.size, boot: sealed.boot)
      try tree.advance(node.id, to: generation)
      try tree.finish(operation, .done)
      try store.retire(node.id, sparing: spared)
      return generation
    }
  }
}

/// Another command was quicker to take the number that a transaction should have.
package struct NumberIsTaken: Error {
  package init() {}
}

extension Store {
  /// Removes what a transaction staged and enters its end. If the disk is too full for that row, the operation stays
  /// entered as running, and the next change ends it.
  package func abandon(
    _ operation: OperationID, on node: NodeID, _ sealed: GenerationNumber?, _ reason: String
  ) throws {
    try discardStaging(of: node, operation, sealed)
    do {
      try end(operation, on: node, reason)
    } catch let error as TreeError where error.isNoSpace {
      try SpaceReserve(in: root).release()
      do { try end(operation, on: node, reason) } catch let error as TreeError where error.isNoSpace { return }
    }
  }

  private func end(_ operation: OperationID, on node: NodeID, _ reason: String) throws {
    try change(holding: [node], own: operation) { try tree.finish(operation, .failed, message: reason) }
  }
}
