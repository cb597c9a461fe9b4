import Btrfs
import Glibc
import Host
import Sandbox
import SnapshotTree
import Store
import SystemPackage

/// How a run in a node ended.
public struct RunOutcome: Sendable {
  /// The effect on the node.
  public enum Effect: Sendable, Equatable {
    /// The changes are a new generation.
    case committed(GenerationNumber)
    /// The program succeeded and changed nothing.
    case unchanged
    /// The changes were discarded: the program failed, or was interrupted.
    case discarded
  }

  /// The effect on the node.
  public let effect: Effect
  /// The program's own exit status; 128+n when a signal ended it.
  public let status: Int32
  /// The signal that interrupted ast meanwhile, if any.
  public let interruption: Int32?
  /// The operation, as the history names it.
  public let operation: OperationID
  /// The accounts whose numbers in the node differed from those in the other nodes.
  public var accounts: [AccountChange] = []
}

/// `run`, `chroot`: a program with a node as its root file system.
extension Store {
  /// Runs `command` in a clone of a node. Exit status 0 makes the clone the node's next generation; anything else, and
  /// any interruption, discards it.
  ///
  /// - Throws: `AstError`; the node is what it was then.
  public func run(_ command: [String], in id: NodeID, as kind: String, withNetwork: Bool = true) throws -> RunOutcome {
    // It is made while the clone is.
    let network = withNetwork ? self.network(for: .running) : nil
    let transaction = try Transaction(on: id, kind, resolver: network.map(resolver(for:)), in: self)
    report(.reached(.working, id))
    let result = try transaction.discarding {
      try transaction.sandbox(network: made(network)).runAttended(command)
    }
    failPoint("worked")
    let status = result.end.status
    if let signal = result.interruption ?? Interruption.pending {
      try transaction.discard("interrupted by signal \(signal)")
      return RunOutcome(effect: .discarded, status: status, interruption: signal, operation: transaction.operation)
    }
    guard status == 0 else {
      // Checked before the clone is deleted, because the clone may be what fills the disk.
      let wasFull = try transaction.discarding { try isFull() }
      try transaction.discard("exit status \(status)")
      guard !wasFull else { throw AstError.noSpaceLeft("the command failed with exit status \(status)") }
      return RunOutcome(effect: .discarded, status: status, interruption: nil, operation: transaction.operation)
    }
    let (effect, accounts) = try transaction.keep()
    return RunOutcome(
      effect: effect, status: 0, interruption: nil, operation: transaction.operation, accounts: accounts)
  }

  /// The network of a run. Most programs do without, so that it cannot be made is no reason not to run them.
  func made(_ network: NodeNetwork?) -> Sandbox.Network {
    guard let network else { return .isolated }
    do {
      return try network.made()
    } catch {
      warn(error.hint.map { "\(error.reason); \($0)" } ?? error.reason)
      return .isolated
    }
  }
}

extension Transaction {
  /// Verifies, seals and commits what programs have done in the clone, if they have changed anything.
  func keep() throws -> (effect: RunOutcome.Effect, accounts: [AccountChange]) {
    guard try discarding({ try hasChanged() }) else {
      try discardUnchanged()
      return (.unchanged, [])
    }
    return try discarding {
      try verify()
      try noteDeclined()
      let accounts = try reconcileAccounts()
      let generation = try commitSharing(since: try store.subvolume(of: try store.current(node)).path)
      return (.committed(generation.number), accounts)
    }
  }
}
