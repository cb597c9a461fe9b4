import SnapshotTree
import Store

extension Output {
  /// Reports the accounts of a node whose numbers differed from those in the other nodes.
  func tell(_ accounts: [AccountChange], of node: NodeID) {
    let renumbered = accounts.compactMap(\.renumbering)
    if !renumbered.isEmpty {
      note("node \(node): renumbered, as in all nodes: \(renumbered.joined(separator: ", "))")
    }
    for blocked in accounts.compactMap(\.blockage) { note("node \(node): \(blocked)") }
  }
}

extension AccountChange {
  fileprivate var renumbering: String? {
    guard case .renumbered(let account, let old) = self else { return nil }
    return "\(account.kind.rawValue) \(account.name) \(old) -> \(account.id)"
  }

  fileprivate var blockage: String? {
    guard case .blocked(let account, let old) = self else { return nil }
    return """
      the \(account.kind.rawValue) \(account.name) has number \(account.id) in other nodes; here it stays \(old), \
      because that number is taken
      """
  }
}
