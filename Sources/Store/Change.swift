import Btrfs
import FoundationEssentials
import Glibc
import Host
import SnapshotTree
import SystemPackage

/// Every change of the database goes through `change`, which first cleans up after commands that were killed, and then
/// publishes what was changed.
extension Store {
  /// Runs `body` as one database transaction, alone among all ast commands on this store; then publishes the nodes it
  /// changed and deletes the subvolumes it condemned.
  ///
  /// The lock is held for the moments that a change of rows takes, so waiting for it is short. The only program that
  /// runs meanwhile is grub-script-check(1), for each file of the boot menu that the change replaces.
  ///
  /// - Parameters:
  ///   - held: the nodes that the caller has locked. If another operation is entered as running on one of them, its
  ///     command was killed.
  ///   - own: the caller's running operation.
  @discardableResult
  package func change<Result>(
    holding held: [NodeID] = [], own: OperationID? = nil, _ body: () throws -> Result
  ) throws -> Result {
    let lock = try lockTree(isFinishing: own != nil)
    defer { withExtendedLifetime(lock) {} }
    try requireSameDatabase()
    Interruption.holdBack()
    begun = nil
    let (result, menu): (Result, (any PublishableMenu)?)
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
    // Before another thread of this command gets the lock, and enters its operation.
    if let begun, leader.note(begun) { report(.began(begun)) }
    // The change is made. If something fails from here on, the next command does it.
    do {
      publishPublicCopy()
      publishRunning()
      CommitNote(in: root).write(try tree.nextOperation)
      failPoint("number noted")
      // Before anything is deleted that the old menu names.
      try publish(menu)
      try publish(try tree.unpublished())
      try publishTags()
      try deleteDoomed()
      removeUnneededBases()
      SpaceReserve(in: root).fill()
    } catch {
      warn("\(AstError(error).reason); the change itself was made, and the next command tries this again")
    }
    return result
  }

  /// Cleans up after commands that were killed before or after their commit. Idempotent, and safe to be killed in.
  ///
  /// Deletes only what no row refers to, and only if no live command holds its lock. The cost does not depend on the
  /// number of nodes.
  private func settle(holding held: [NodeID], own: OperationID?) throws {
    for operation in try tree.running() where operation.id != own {
      // A command that is alive holds the lock of the node it works on.
      guard let node = operation.node, try held.contains(node) || !isAtWork(operation) else { continue }
      try discardStaging(of: node, operation.id, operation.generation)
      let reason = OpenTransaction.reasonOfDiscard(operation)
      try tree.finish(operation.id, .interrupted, message: reason ?? "the command ended before it was done")
      guard let reason else { continue }
      OpenTransaction(operation.id).removeSocket()
      warn("t\(operation.id) was discarded: \(reason)")
    }
    Leftovers.removeWorkspaces(in: Store.packageCache(in: root))
    Leftovers.removeOldLiveSnapshots(in: root)
    try discardStrays()
    removeUnneededBases()
    try finishPublishing()
    guard try !tree.doomed().isEmpty else { return }
    try publish(preparedMenu())
    let deleted = try deleteDoomed()
    guard !deleted.isEmpty else { return }
    // A deletion is durable after the next commit of the file system. Until then its row remembers it.
    try FileSystem.sync(root)
    for path in deleted { try tree.forgetDoomed(path) }
  }

  /// Publishes the nodes that are still unpublished. Links and records are not synced, so a power cut may have taken
  /// those of an earlier boot: the first change after a boot checks all of them.
  private func finishPublishing() throws {
    let unpublished = try tree.unpublished()
    do {
      let isSameBoot = try tree.history(limit: 1).first?.bootID == Store.bootID
      try publish(isSameBoot ? unpublished : outdated())
    } catch let error as FileError where error.errno == .noSpace {
      // Links and records can wait: this change may be a deletion that makes room.
      return
    }
    try tree.forgetUnpublished(unpublished)
  }

  /// Deletes the clone that an operation worked in, or the deployment that it was making, even if it was sealed under
  /// its final name but never committed. The deletion is durable before the row says that the operation has ended.
  package func discardStaging(of node: NodeID, _ operation: OperationID, _ sealed: GenerationNumber?) throws {
    try deleteIfPresent(staging(of: node, operation))
    try deleteIfPresent(deployStaging(operation))
    try deleteIfPresent(etcStaging(operation))
    try deleteIfPresent(Bases(in: root).staging(operation))
    if let sealed, try tree.generation(of: node, sealed) == nil { try deleteIfPresent(path(of: node, sealed)) }
    try FileSystem.sync(root)
    failPoint("staging discarded")
  }

  /// Deletes new nodes that were never committed. Numbers are given out one after the other under the tree's lock, so
  /// these can only be where the next nodes will be. The base is made in its own transaction.
  ///
  /// The highest number goes first: a crash must not leave a gap, because the search ends at the first free number.
  private func discardStrays() throws {
    try discardStrayDeployment()
    let next = max(try tree.nextNode, NodeID(1)).rawValue
    var end = next
    while isTaken(NodeID(end)) { end += 1 }
    for stray in (next..<end).reversed().map({ NodeID($0) }) where try isLeftover(directory(of: stray)) {
      try deleteIfPresent(path(of: stray, GenerationNumber(1)))
      failPoint("stray subvolume deleted")
      try Files.removeDirectory(directory(of: stray))
      failPoint("stray node removed")
    }
  }

  /// Deletes a new deployment that was never committed.
  private func discardStrayDeployment() throws {
    let stray = root.pushing(Deployment.path(of: try tree.nextDeployment))
    // The running system is never deleted, whatever the database says.
    guard try !Subvolume.isSubvolume(at: stray) || !Subvolume(at: stray).isRunningRoot() else { return }
    try deleteIfPresent(stray)
    failPoint("stray deployment deleted")
    try Files.removeDirectoryIfPresent(stray.removingLastComponent())
  }

  /// Whether something exists at the place of a new node's directory.
  package func isTaken(_ id: NodeID) -> Bool {
    var status = stat()
    return lstat(directory(of: id).string, &status) == 0
  }

  /// Whether a directory was made for a new node that was never committed: it is empty, or has only a snapshot of a
  /// generation in it. Anything else stays, and its number is skipped.
  private func isLeftover(_ directory: FilePath) throws -> Bool {
    var status = stat()
    guard lstat(directory.string, &status) == 0, status.st_mode & S_IFMT == S_IFDIR,
      try !Subvolume.isSubvolume(at: directory)
    else { return false }
    let names = try Files.names(in: directory)
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

  /// Deletes the subvolumes whose rows are gone, and their nodes' directories. The next change removes their entries in
  /// the database. `doctor` reports a subvolume that cannot be deleted.
  ///
  /// - Returns: the paths that were deleted.
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
      // Fails while the node has other generations.
      rmdir(path.removingLastComponent().string)
      return true
    }.map(\.path)
  }

  /// The subvolumes that should have been deleted and still exist.
  package func undeleted() throws -> [FilePath] {
    try tree.doomed().filter { doomed in
      let path = root.pushing(doomed.path)
      return try Subvolume.isSubvolume(at: path) && isStill(doomed, at: path)
    }.map { root.pushing($0.path) }
  }

  /// Whether the subvolume at the path is the condemned one.
  private func isStill(_ doomed: DoomedSubvolume, at path: FilePath) throws -> Bool {
    try doomed.subvolume.map { try Subvolume(at: path).info().uuid == $0.rawValue } ?? true
  }
}
