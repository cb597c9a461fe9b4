import Btrfs
import FoundationEssentials
import Glibc
import Host
import SnapshotTree
import SystemPackage

/// Changing the tree: every change of the database goes through `change`, which first finishes what commands that died
/// have left, and afterwards publishes what was changed.
extension Store {
  /// Runs `body` as one database transaction, alone among all ast commands on this store; then publishes the nodes it
  /// changed and deletes the subvolumes it condemned.
  ///
  /// The lock is held for the moments a change of rows takes, never while a program runs: waiting for it is short.
  ///
  /// - Parameters:
  ///   - held: the nodes the caller has locked: a running operation on one of them, other than the caller's own, is
  ///     one whose command died.
  ///   - own: the caller's running operation.
  @discardableResult
  package func change<Result>(
    holding held: [NodeID] = [], own: OperationID? = nil, _ body: () throws -> Result
  ) throws -> Result {
    guard let lock = try Lock.take("tree", in: locks, wait: .forever) else {
      throw AstError(.busy, "the tree is locked")
    }
    defer { withExtendedLifetime(lock) {} }
    try requireSameDatabase()
    Interruption.holdBack()
    let (result, menu): (Result, PreparedMenu?)
    do {
      (result, menu) = try tree.write { tree in
        try settle(holding: held, own: own)
        failPoint("settled")
        let result = try body()
        let menu = try preparedMenu()
        try SpaceReserve(in: root).requireRoom()
        failPoint("before the commit")
        return (result, menu)
      }
    } catch let error as TreeError where error.isOutcomeUnknown {
      throw error
    } catch {
      try discardStrays()
      throw error
    }
    failPoint("committed")
    // The change is made, whatever happens from here on; what fails now, the next command does.
    do {
      CommitNote(in: root).write(try tree.nextOperation)
      failPoint("number noted")
      // Before anything goes that the old menu has.
      try menu?.install()
      try publish(try tree.unpublished())
      try deleteDoomed()
      SpaceReserve(in: root).fill()
    } catch {
      warn("\(AstError(error).reason); the change itself is made, and the next command tries this again")
    }
    return result
  }

  /// Finishes what commands that are gone have left before or after their commit: idempotent, and safe to be killed in.
  ///
  /// Deletes only what no row refers to and no live command holds the lock of. The cost does not depend on the number
  /// of nodes.
  private func settle(holding held: [NodeID], own: OperationID?) throws {
    for operation in try tree.running() where operation.id != own {
      // A command that is alive holds the lock of the node it works on.
      guard let node = operation.node, try held.contains(node) || isFree(node) else { continue }
      try discardStaging(of: node, operation.id, operation.generation)
      try tree.finish(operation.id, .interrupted, message: "the command ended before it was done")
    }
    Leftovers.removeWorkspaces(in: Store.packageCache(in: root))
    Leftovers.removeOldLiveSnapshots(in: root)
    try discardStrays()
    try finishPublishing()
    guard try !tree.doomed().isEmpty else { return }
    try preparedMenu()?.install()
    let deleted = try deleteDoomed()
    guard !deleted.isEmpty else { return }
    // A deletion is durable with the next commit of the file system; until then its row is what remembers it.
    try FileSystem.sync(root)
    for path in deleted { try tree.forgetDoomed(path) }
  }

  /// Publishes what is left to be published. Links and records are not synced, so whatever was published in an earlier
  /// boot may have been lost with the power: the first change after a boot looks at all of them.
  private func finishPublishing() throws {
    let unpublished = try tree.unpublished()
    do {
      let isSameBoot = try tree.history(limit: 1).first?.bootID == Store.bootID
      try publish(isSameBoot ? unpublished : outdated())
    } catch Errno.noSpace {
      // What is derived can wait, also for a deletion that makes room.
      return
    }
    try tree.forgetUnpublished(unpublished)
  }

  /// Deletes the clone an operation worked in, or the deployment it was making, also when it was sealed under its final
  /// name but never committed: for good, before the row that names it says that the operation has ended.
  package func discardStaging(of node: NodeID, _ operation: OperationID, _ sealed: GenerationNumber?) throws {
    try deleteIfPresent(staging(of: node, operation))
    try deleteIfPresent(deployStaging(operation))
    try deleteIfPresent(etcStaging(operation))
    if let sealed, try tree.generation(of: node, sealed) == nil { try deleteIfPresent(path(of: node, sealed)) }
    try FileSystem.sync(root)
    failPoint("staging discarded")
  }

  /// Deletes what a command made that never committed its new nodes. Numbers are given out one after the other under
  /// the tree's lock, so it can only be where the next nodes will be. The base is made in a transaction of its own.
  ///
  /// The highest goes first: a crash in here must leave no gap, beyond which nobody would look.
  private func discardStrays() throws {
    try discardStrayDeployment()
    let next = max(try tree.nextNode, NodeID(1)).rawValue
    var end = next
    while isTaken(NodeID(end)) { end += 1 }
    for stray in (next..<end).reversed().map({ NodeID($0) }) where try isLeftover(directory(of: stray)) {
      try deleteIfPresent(path(of: stray, GenerationNumber(1)))
      failPoint("stray subvolume deleted")
      guard rmdir(directory(of: stray).string) == 0 else { throw Errno(rawValue: errno) }
      failPoint("stray node removed")
    }
  }

  /// Deletes what a command made that never committed its new deployment, likewise.
  private func discardStrayDeployment() throws {
    let stray = root.pushing(Deployment.path(of: try tree.nextDeployment))
    // Whatever the database says: what runs is never deleted.
    guard try !Subvolume.isSubvolume(at: stray) || !Subvolume(at: stray).isRunningRoot() else { return }
    try deleteIfPresent(stray)
    failPoint("stray deployment deleted")
    guard rmdir(stray.removingLastComponent().string) == 0 || errno == ENOENT else { throw Errno(rawValue: errno) }
  }

  /// Whether there is something where a new node's directory would be.
  package func isTaken(_ id: NodeID) -> Bool {
    var status = stat()
    return lstat(directory(of: id).string, &status) == 0
  }

  /// Whether a directory is what a command left that never committed its new node: empty, or with a snapshot of a
  /// generation in it. Anything else somebody put there stays, and its number is passed over.
  private func isLeftover(_ directory: FilePath) throws -> Bool {
    var status = stat()
    guard lstat(directory.string, &status) == 0, status.st_mode & S_IFMT == S_IFDIR,
      try !Subvolume.isSubvolume(at: directory)
    else { return false }
    let names = try FileManager.default.contentsOfDirectory(atPath: directory.string)
    guard !names.isEmpty else { return true }
    let snapshot = Subvolume(at: directory.appending("1"))
    guard names == ["1"], try Subvolume.isSubvolume(at: snapshot.path), let origin = try snapshot.info().parentUUID
    else { return false }
    return try tree.generation(with: SubvolumeUUID(origin)) != nil
  }

  private func deleteIfPresent(_ path: FilePath) throws(BtrfsError) {
    do {
      try Subvolume(at: path).delete()
    } catch let error where error.code == .notFound || error.code == .notASubvolume {
      return
    }
  }

  /// Deletes the subvolumes whose rows are gone, and their nodes' directories. Their entries in the database go with
  /// the next change. One that cannot be deleted is left for `doctor` to tell.
  ///
  /// - Returns: the paths that are gone.
  @discardableResult
  private func deleteDoomed() throws -> [FilePath] {
    try tree.doomed().filter { doomed in
      let path = root.pushing(doomed.path)
      do {
        // Something else that was put there is not ours to delete.
        if try Subvolume.isSubvolume(at: path) {
          guard try isStill(doomed, at: path) else { return true }
          try deleteIfPresent(path)
          failPoint("doomed subvolume deleted")
        }
      } catch {
        warn("\(AstError(error).message)")
        return false
      }
      // Fails as long as the node has other generations.
      rmdir(path.removingLastComponent().string)
      return true
    }.map(\.path)
  }

  /// The subvolumes that are to be deleted and are still there.
  package func undeleted() throws -> [FilePath] {
    try tree.doomed().filter { doomed in
      let path = root.pushing(doomed.path)
      return try Subvolume.isSubvolume(at: path) && isStill(doomed, at: path)
    }.map { root.pushing($0.path) }
  }

  /// Whether what is at the path is what was condemned.
  private func isStill(_ doomed: DoomedSubvolume, at path: FilePath) throws -> Bool {
    try doomed.subvolume.map { try Subvolume(at: path).info().uuid == $0.rawValue } ?? true
  }
}
