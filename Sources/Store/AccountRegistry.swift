import Etc
import Rootfs
import SnapshotTree

/// The numbers of registered accounts, by name.
struct AccountRegistry {
  private var numbers: [Account.Kind: [String: UInt32]] = [:]

  /// The accounts that are registered now.
  init(_ tree: TreeDatabase) throws(TreeError) {
    for account in try tree.accounts() { numbers[account.kind, default: [:]][account.name] = account.id }
  }

  subscript(_ kind: Account.Kind) -> [String: UInt32] { numbers[kind] ?? [:] }
}

extension RootAccounts {
  /// The accounts that are not registered, with the numbers that they have in this root.
  func claims(in registry: AccountRegistry) -> [Account] {
    Account.Kind.allCases.flatMap { kind in
      numbers(kind).claims(in: registry[kind]).map { Account(kind: kind, name: $0.name, id: $0.id) }
    }
  }

  /// The changes that give the registered accounts their numbers.
  func renumbering(of kind: Account.Kind, by registry: AccountRegistry) -> Renumbering {
    numbers(kind).renumbering(by: registry[kind])
  }
}
