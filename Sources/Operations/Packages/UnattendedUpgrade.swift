import Host
import SnapshotTree
import Store

/// `auto-upgrade` and `check`: upgrades without anybody watching, and what became of them.
extension Store {
  static let autoUpgrade = "auto-upgrade"

  /// Upgrades a node without asking anything; the result stands in the history, whatever it is.
  ///
  /// - Parameter before: called when there is something to do, before it is done.
  /// - Throws: `AstError`, refused if no node is named and none is booted.
  public func upgradeUnattended(
    _ id: NodeID, _ options: PackageOptions, before: () throws -> Void = {}, progress: (PackageProgress) -> Void
  ) throws -> PackageOutcome {
    guard id != .base else { throw AstError.base }
    let node = try node(id)
    return try recording(Store.autoUpgrade, on: node) {
      let confirm: (PackagePlan) throws -> Bool = { _ in
        try before()
        return true
      }
      return try changePackages(
        .upgrade, in: id, as: Store.autoUpgrade, options, confirm: confirm, progress: progress)
    }
  }

  /// The last upgrade of each node that nobody watched, of one node or of all; nodes without one are left out.
  public func lastUpdates(of id: NodeID? = nil) throws -> [(node: Node, operation: Operation)] {
    let nodes = try id.map { [try node($0)] } ?? tree.nodes()
    return try nodes.compactMap { node in
      try tree.history(of: node.id).first { [Store.autoUpgrade, Store.treeUpgrade].contains($0.kind) }.map {
        (node, $0)
      }
    }
  }

  /// Runs a change of a node, and enters its end where it did not get as far as to a transaction of its own.
  func recording<Result>(_ kind: String, on node: Node, _ body: () throws -> Result) throws -> Result {
    let before = try tree.history(of: node.id, limit: 1).first?.id
    do {
      let result = try body()
      try record(kind, on: node, since: before, .done, "nothing to do")
      return result
    } catch {
      try record(kind, on: node, since: before, .failed, AstError(error).message)
      throw error
    }
  }

  private func record(
    _ kind: String, on node: Node, since last: OperationID?, _ outcome: OperationOutcome, _ message: String
  ) throws {
    guard try tree.history(of: node.id, limit: 1).first?.id == last else { return }
    try change {
      let operation = try intend(kind, on: node.id, from: node.current, to: nil)
      try tree.finish(operation, outcome, message: message)
    }
  }
}
