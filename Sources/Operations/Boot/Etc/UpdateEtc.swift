import Btrfs
import Host
import Rootfs
import SnapshotTree
import Store
import SystemPackage

/// The result of merging the changes of /etc into a node.
public struct EtcUpdate: Sendable {
  /// The /etc with the changes, and the node that gets them.
  public let etc: UsedEtc
  /// The node's new generation; nil if it had all changes already.
  public let generation: Generation?
  /// The result of the merge.
  public let report: EtcReport
  /// The accounts whose numbers in the node differed from those in the other nodes.
  public let accounts: [AccountChange]
  /// The operation.
  public let operation: OperationID
}

/// `etc-update`: what was configured on the machine becomes part of the node, and so of its clones.
extension Store {
  /// Merges the changes in the /etc of the booted system, or else of the default deployment, into its node.
  ///
  /// - Parameter other: the deployment whose changes are merged instead, into the same node.
  /// The files that identify the machine (``MachineFile``) stay out, because clones of the node would share them.
  ///
  /// - Throws: `AstError`; then the node is unchanged.
  public func updateEtc(from other: DeploymentID? = nil) throws -> EtcUpdate {
    let own = try usedEtc()
    let etc = try other.map { UsedEtc(node: own.node, deployment: $0, source: try usedEtc($0).source) } ?? own
    let transaction = try Transaction(on: etc.node, "etc-update", in: self)
    return try transaction.discarding {
      report(.reached(.working, etc.node))
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
      try merge.protect(in: transaction.clone.path)
      let generation = try transaction.commit(try transaction.seal(try transaction.bootFiles()))
      return EtcUpdate(
        etc: etc, generation: generation, report: merge.report, accounts: accounts, operation: transaction.operation)
    }
  }
}
