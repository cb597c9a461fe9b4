import Btrfs
import Host
import Rootfs
import SnapshotTree
import Store
import SystemPackage

/// What came of bringing the changes of /etc into a node.
public struct EtcUpdate: Sendable {
  /// The /etc whose changes they are.
  public let etc: UsedEtc
  /// The node's new generation; nil where it had all of them.
  public let generation: Generation?
  /// What came of the merge.
  public let report: EtcReport
  /// The accounts of the node that had not the numbers they have in all nodes.
  public let accounts: [AccountChange]
  /// The operation.
  public let operation: OperationID
}

/// `etc-update`: what was configured on the machine becomes part of the node, and so of its clones.
extension Store {
  /// Merges what was changed in the /etc of what runs, or else of the default deployment, into its node.
  ///
  /// What tells the machine from others (``MachineFile``) stays out: clones of the node would share it.
  ///
  /// - Throws: `AstError`; the node is what it was then.
  public func updateEtc() throws -> EtcUpdate {
    let etc = try usedEtc()
    let transaction = try Transaction(on: etc.node, "etc-update", in: self)
    return try transaction.discarding {
      let before = try subvolume(of: try current(transaction.node)).path
      let merge = try MergeEtc(from: etc.source, generation: before, mode: .merge, identity: .new)
      guard !merge.isEmpty else {
        try transaction.discardUnchanged()
        return EtcUpdate(
          etc: etc, generation: nil, report: merge.report, accounts: [], operation: transaction.operation)
      }
      try merge.apply(to: transaction.clone.path)
      failPoint("worked")
      try Interruption.check()
      try transaction.verify()
      let accounts = try transaction.reconcileAccounts()
      let generation = try transaction.commit(try transaction.seal())
      return EtcUpdate(
        etc: etc, generation: generation, report: merge.report, accounts: accounts, operation: transaction.operation)
    }
  }
}
