import Btrfs
import FoundationEssentials
import Glibc
import DebianFormats
import Sandbox
import SnapshotTree
import SystemPackage

/// A change of one node's content: a writable clone of its current generation, worked in, then sealed and committed
/// as the next generation, or discarded without a trace.
///
/// The order of the steps is what makes it safe; `RunInNode.swift` shows them from top to bottom. Until `commit` the
/// node is what it was; a crash leaves a clone that no row refers to, which the next change removes.
struct Transaction {
  /// The node as it was at the start.
  let node: Node
  /// The clone to work in: a writable subvolume nobody else looks at.
  let clone: Subvolume
  /// Its entry in the history.
  let operation: OperationID

  let store: Store
  private let lock: Lock
  private let next: GenerationNumber
  private let places: MountPlaces
  private let unchanged: UInt64

  /// The one kind of transaction that may change the base.
  static let baseUpdate = "base-update"

  /// Steps 1 and 2: locks the node, enters the intent durably, stages the clone.
  init(on id: NodeID, _ kind: String, in store: Store) throws {
    let lock = try store.lock(id)
    let (node, operation) = try store.change(holding: [id]) {
      let node = try store.node(id)
      guard node.id != .base || kind == Transaction.baseUpdate else { throw AstError.base }
      let operation = try store.intend(kind, on: id, from: node.current, to: node.nextGeneration)
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
      places = try MountPlaces(in: clone.path)
      try FileSystem.sync(clone.path)
      unchanged = try clone.info().transaction
    } catch {
      try store.abandon(operation, on: id, nil, AstError(error).message)
      throw error
    }
    failPoint("staged")
  }

  /// Ends the transaction without a trace in the node; `reason` stands in the history.
  func discard(_ reason: String) throws {
    try store.abandon(operation, on: node.id, next, reason)
  }

  /// Runs a step of the transaction, and discards the transaction when it fails, unless it may have been committed.
  func discarding<Result>(_ step: () throws -> Result) throws -> Result {
    do {
      return try step()
    } catch let error as TreeError where error.isOutcomeUnknown {
      throw error
    } catch {
      try discard(AstError(error).message)
      throw error
    }
  }

  /// Ends a transaction that changed nothing.
  func discardUnchanged() throws {
    try store.discardStaging(of: node.id, operation, nil)
    try store.change(holding: [node.id], own: operation) {
      try store.tree.finish(operation, .done, message: "nothing was changed")
    }
  }

  /// Whether anything in the clone was changed: btrfs numbers its transactions and remembers the last one that touched
  /// a subvolume.
  func hasChanged() throws -> Bool {
    try FileSystem.sync(clone.path)
    return try clone.info().transaction != unchanged
  }

  /// Step 4: refuses a root that has lost what makes it a Debian system.
  func verify() throws {
    let before = try store.tree.generation(of: node.id, node.current)?.manifest
    guard before != nil, try PackageDatabase.installed(in: clone.path)?.isEmpty ?? true else { return }
    throw AstError(.refused, "node \(node.id) would have no package database any more; the changes are discarded")
  }

  /// Gives the accounts in the clone the numbers they have in all nodes: what had to be changed for that.
  func reconcileAccounts() throws -> [AccountChange] {
    try store.reconcileAccounts(in: clone, holding: [node.id], own: operation)
  }

  /// Step 5: makes the clone read-only under its final name, and everything in it durable.
  func seal() throws -> SealedSnapshot {
    try places.remove()
    try clone.removeProtection()
    failPoint("prepared for the seal")
    try clone.setReadOnly(true)
    failPoint("read-only")
    let final = store.path(of: node.id, next)
    guard rename(clone.path.string, final.string) == 0 else { throw Errno(rawValue: errno) }
    failPoint("renamed")
    try FileSystem.sync(store.root)
    failPoint("sealed")
    return try SealedSnapshot(Subvolume(at: final), boot: store.bootFilesToTry(in: final, of: node.id))
  }

  /// Steps 6 and 7: enters the new generation. With this the node is the new one; old generations beyond the number
  /// kept go afterwards.
  func commit(_ sealed: SealedSnapshot) throws -> Generation {
    try store.change(holding: [node.id], own: operation) {
      let tree = store.tree
      let generation = Generation(
        node: node.id, number: next, subvolume: sealed.identity, created: Date(), operation: operation,
        manifest: try sealed.packages.map(tree.manifest(for:)), size: sealed.size, boot: sealed.boot)
      try tree.advance(node.id, to: generation)
      try tree.finish(operation, .done)
      try store.retire(node.id)
      return generation
    }
  }
}

/// A read-only, durable subvolume under its final name: what can be committed.
struct SealedSnapshot {
  /// Its UUID: what the tree knows it by.
  let identity: SubvolumeUUID
  /// The bytes it refers to.
  let size: Int64
  /// What is installed in it; nil where there is no dpkg.
  let packages: [Package]?
  /// What boots it; nil where nothing does.
  let boot: BootFiles?

  init(_ subvolume: Subvolume, boot: BootFiles?) throws {
    self.boot = boot
    identity = SubvolumeUUID(try subvolume.info().uuid)
    size = try subvolume.referencedBytes()
    packages = try PackageDatabase.installed(in: subvolume.path)?.map(Package.init)
  }
}

extension Store {
  /// Removes what a transaction staged and enters its end. When the disk is too full for that row, the operation
  /// stays entered as running, and the next change ends it.
  func abandon(
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
