import Btrfs
import Host
import SnapshotTree
import Store
import SystemPackage

/// Changes that ast itself makes in a node, without running a program in it.
extension Store {
  /// Does `work` on a clone of a node's root. If it returns that it has changed anything, the clone becomes the node's
  /// next generation. (Looking at files can change their access times.)
  ///
  /// - Parameter spared: an old generation that stays until the next change.
  /// - Throws: `AstError`; then the node is unchanged.
  package func edit(
    _ id: NodeID, as kind: String, sparing spared: GenerationNumber? = nil, work: (FilePath) throws -> Bool
  ) throws -> RunOutcome {
    let transaction = try Transaction(on: id, kind, in: self)
    return try transaction.discarding {
      report(.reached(.working, id))
      let hasChanged = try work(transaction.clone.path)
      try Interruption.check()
      guard hasChanged else {
        try transaction.discardUnchanged()
        return RunOutcome(effect: .unchanged, status: 0, interruption: nil, operation: transaction.operation)
      }
      failPoint("edited")
      let accounts = try transaction.reconcileAccounts()
      let sealed = try transaction.seal(try transaction.bootFiles())
      let generation = try transaction.commit(sealed, sparing: spared)
      return RunOutcome(
        effect: .committed(generation.number), status: 0, interruption: nil, operation: transaction.operation,
        accounts: accounts)
    }
  }
}
