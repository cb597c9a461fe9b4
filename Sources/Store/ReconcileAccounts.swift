import Btrfs
import Etc
import Host
import Rootfs
import SnapshotTree
import SystemPackage

/// An account whose number in a node differs from its number in the other nodes.
public enum AccountChange: Hashable, Codable, Sendable {
  /// It got that number, and so did its files.
  case renumbered(Account, from: UInt32)
  /// It cannot get that number: another account of the node has it, and keeps it.
  case blocked(Account, at: UInt32)
}

/// One number per account and machine: files in the shared /var and /home keep their owners whichever node boots.
extension Store {
  /// Gives the accounts of a clone that is about to be sealed the numbers that they have in all nodes. New accounts are
  /// registered, durably and before anything is changed, so that concurrent transactions agree. A registered number
  /// wins, even over one that was changed on purpose.
  ///
  /// Writes nothing if all accounts are registered with the numbers they have.
  ///
  /// - Parameters:
  ///   - held: the nodes the caller has locked.
  ///   - own: the caller's running operation.
  /// - Throws: `AstError`; the caller must discard the clone then.
  func reconcileAccounts(
    in clone: Subvolume, holding held: [NodeID], own: OperationID
  ) throws -> [AccountChange] {
    var accounts = try RootAccounts(in: clone.path)
    var registry = try AccountRegistry(tree)
    if !accounts.claims(in: registry).isEmpty {
      registry = try change(holding: held, own: own) {
        try tree.claimAccounts(of: accounts)
        return try AccountRegistry(tree)
      }
      failPoint("accounts claimed")
    }
    let (users, groups) = (
      accounts.renumbering(of: .user, by: registry), accounts.renumbering(of: .group, by: registry)
    )
    if !users.moves.isEmpty || !groups.moves.isEmpty {
      var owners = RenumberOwners(in: clone.path, users: users.numbers, groups: groups.numbers)
      try owners.run()
      failPoint("owners renumbered")
      try accounts.renumber(users: users.numbers, groups: groups.numbers)
      failPoint("accounts renumbered")
    }
    return users.changes(.user) + groups.changes(.group)
  }
}

extension TreeDatabase {
  /// Registers the accounts of a root that are not registered yet.
  package func claimAccounts(of root: RootAccounts) throws(TreeError) {
    try claim(root.claims(in: try AccountRegistry(self)))
  }
}

extension Renumbering {
  fileprivate func changes(_ kind: Account.Kind) -> [AccountChange] {
    moves.map { .renumbered(Account(kind: kind, name: $0.name, id: $0.new), from: $0.old) }
      + conflicts.map { .blocked(Account(kind: kind, name: $0.name, id: $0.new), at: $0.old) }
  }
}
