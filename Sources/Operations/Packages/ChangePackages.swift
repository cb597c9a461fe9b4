import Btrfs
import DebianFormats
import Host
import Nodes
import Rootfs
import Sandbox
import SnapshotTree
import Store
import SystemPackage

/// The result of a request about packages.
public struct PackageOutcome: Sendable {
  /// The plan of the node's apt.
  public let plan: PackagePlan
  /// The committed change; nil if there was nothing to do.
  public let change: CommittedChange?
}

/// A committed change of a node's packages.
public struct CommittedChange: Sendable {
  /// The new generation.
  public let generation: Generation
  /// Configuration files that came with a package and lie beside the administrator's own.
  public let newConfigurationFiles: [FilePath]
  /// The accounts of the node whose numbers differed from those in the other nodes.
  public let accounts: [AccountChange]
}

/// `install`, `remove`, `upgrade`: packages of one node.
extension Store {
  /// The plan for a request; nothing is done.
  public func planPackages(
    _ request: PackageRequest, in id: NodeID, _ options: PackageOptions, progress: (PackageProgress) -> Void
  ) throws -> PackagePlan {
    let session = try AptSession(for: id, in: self)
    let root = try subvolume(of: try current(try node(id))).path
    return try session.planWithIndices(request, options, in: root, listsNotUpgraded: true, progress: progress)
  }

  /// Changes the packages of a node as its own apt decides.
  ///
  /// - Parameters:
  ///   - kind: the name of the operation in the history; nil for the request's own.
  ///   - confirm: asked with the plan before anything is fetched or done.
  /// - Throws: `AstError`; the node is unchanged then.
  public func changePackages(
    _ request: PackageRequest, in id: NodeID, as kind: String? = nil, _ options: PackageOptions,
    confirm: (PackagePlan) throws -> Bool, progress: (PackageProgress) -> Void
  ) throws -> PackageOutcome {
    guard id != .base else { throw AstError.base }
    return try change(request, in: id, as: kind ?? request.kind, options, confirm: confirm, progress: progress)
  }

  /// `base-update`: upgrades the packages of the base, all of them or to security updates.
  public func updateBase(
    _ request: PackageRequest, _ options: PackageOptions, confirm: (PackagePlan) throws -> Bool,
    progress: (PackageProgress) -> Void
  ) throws -> PackageOutcome {
    try change(request, in: .base, as: Transaction.baseUpdate, options, confirm: confirm, progress: progress)
  }

  /// Plans and fetches first, on the node as it is and without a lock: only the work itself is a transaction. If the
  /// node changes meanwhile, a command that may wait plans again.
  private func change(
    _ request: PackageRequest, in id: NodeID, as kind: String, _ options: PackageOptions,
    confirm: (PackagePlan) throws -> Bool, progress: (PackageProgress) -> Void
  ) throws -> PackageOutcome {
    while true {
      // No plan is made while another command changes the node.
      if try !isFree(id) { _ = try lock(id) }
      let node = try node(id)
      // An error in the hooks' settings is reported before the user waits for a plan and its files.
      _ = try TransactionHooks(for: id, in: self)
      let session = try AptSession(for: id, in: self)
      let plan = try prepare(request, in: node, session, options, confirm: confirm, progress: progress)
      guard !plan.isEmpty else { return PackageOutcome(plan: plan, change: nil) }
      let committed = try transact(kind, on: node, session, progress: progress) { clone, log in
        try session.apply(plan, in: clone, log: log, progress: progress)
      }
      if let committed { return PackageOutcome(plan: plan, change: committed) }
      guard wait != .never else { throw AstError.changedMeanwhile(id) }
    }
  }

  /// Makes a plan, has it confirmed, and fetches its files.
  private func prepare(
    _ request: PackageRequest, in node: Node, _ session: AptSession, _ options: PackageOptions,
    confirm: (PackagePlan) throws -> Bool, progress: (PackageProgress) -> Void
  ) throws -> PackagePlan {
    let root = try subvolume(of: try current(node)).path
    let plan = try session.planWithIndices(
      request, options, in: root, listsNotUpgraded: false, progress: progress)
    guard !plan.isEmpty else { return plan }
    try plan.requireAllowed(by: options, in: node.id)
    try requireSpace(for: plan)
    guard try confirm(plan) else { throw AstError.notConfirmed }
    try session.download(plan, in: root, progress: progress)
    return plan
  }

  /// Runs `work` on a clone of a node as a transaction: pre hooks, work, verification, post hooks, commit.
  ///
  /// - Parameter node: the node as it was when the work was planned.
  /// - Returns: nil if the node has changed since; nothing was done then.
  func transact(
    _ kind: String, on node: Node, _ session: AptSession, progress: (PackageProgress) -> Void,
    work: (FilePath, TransactionLog) throws -> Void
  ) throws -> CommittedChange? {
    let hooks = try TransactionHooks(for: node.id, in: self)
    let transaction = try Transaction(on: node.id, kind, in: self)
    return try transaction.discarding {
      guard transaction.node.current == node.current else {
        try transaction.discardUnchanged()
        return nil
      }
      let before = try subvolume(of: try current(node)).path
      let clone = transaction.clone.path
      let log = try TransactionLog(transaction.operation, on: node.id, in: self)
      try hooks.run(.pre, of: kind, transaction, log: log)
      session.signing = transaction.signing
      defer { session.signing = nil }
      do {
        try work(clone, log)
      } catch let error as AstError where error.code == .failed {
        // Checked before the clone is discarded, which may be what fills the disk.
        throw try isFull() ? AstError.noSpaceLeft(error.reason) : error
      }
      failPoint("worked")
      progress(.verifying)
      try session.verify(clone, before: before)
      try transaction.verify()
      try hooks.run(.post, of: kind, transaction, log: log)
      let configuration = try NewConfigurationFiles(in: clone, since: before)
      let accounts = try transaction.reconcileAccounts()
      progress(.committing)
      try transaction.noteDeclined()
      let generation = try transaction.commitSharing(since: before)
      return CommittedChange(
        generation: generation, newConfigurationFiles: configuration.paths, accounts: accounts)
    }
  }

  /// Refuses a plan that the file system has no room for, before anything is fetched.
  package func requireSpace(for plan: PackagePlan) throws {
    let needed = plan.downloadSize + max(0, plan.installSize)
    let available = try FileSystem.space(of: root).available
    guard needed < available else {
      throw AstError.noSpaceLeft("this needs \(needed >> 20) MiB, and \(available >> 20) MiB are free")
    }
  }
}
