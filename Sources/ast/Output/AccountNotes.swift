import SnapshotTree
import Store

extension Output {
  /// Reports the accounts of a node whose numbers differed from those in the other nodes.
  func tell(_ accounts: [AccountChange], of node: NodeID) {
    for change in accounts { note("node \(node): \(change.words)") }
  }
}

extension AccountChange {
  fileprivate var words: String {
    switch self {
    case .renumbered(let account, let old): "\(account.words), as in all nodes, and not \(old)"
    case .blocked(let account, let old):
      "\(account.words) in other nodes; here it stays \(old), because that number is taken"
    }
  }
}

extension Account {
  fileprivate var words: String { "the \(kind.rawValue) \(name) has number \(id)" }
}
