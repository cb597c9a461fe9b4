import Host
import SnapshotTree
import Store

/// `auto-upgrade` and `check`: unattended upgrades, and their results.
extension Store {
  static let autoUpgrade = "auto-upgrade"

  /// Upgrades a node without questions. The history gets the result in any case.
  ///
  /// - Parameters:
  ///   - request: the upgrade.
  ///   - before: called before anything is done, if there is something to do.
  /// - Throws: `AstError`, refused if no node is named and none is booted.
  public func upgradeUnattended(
    _ id: NodeID, by request: PackageRequest, _ options: PackageOptions, before: () throws -> Void = {},
    progress: (PackageProgress) -> Void
  ) throws -> PackageOutcome {
    guard id != .base else { throw AstError.base }
    let node = try node(id)
    return try recording(Store.autoUpgrade, on: node) {
      let confirm: (PackagePlan) throws -> Bool = { _ in
        try before()
        return true
      }
      return try changePackages(
        request, in: id, as: Store.autoUpgrade, options, confirm: confirm, progress: progress)
    }
  }

  /// The last unattended upgrade of a node, or of each node; nodes without one are left out.
  public func lastUpdates(of id: NodeID? = nil) throws -> [(node: Node, operation: Operation)] {
    let nodes = try id.map { [try node($0)] } ?? tree.nodes()
    return try nodes.compactMap { node in
      try tree.history(of: node.id).first { [Store.autoUpgrade, Store.treeUpgrade].contains($0.kind) }.map {
        (node, $0)
      }
    }
  }

  /// Runs a change of a node, and records its end if the change did not get as far as its own transaction.
  func recording<Result>(_ kind: String, on node: Node, _ body: () throws -> Result) throws -> Result {
    let before = try tree.history(of: node.id, limit: 1).first?.id
    do {
      let result = try body()
      try record(kind, on: node, since: before, .done, "nothing to do")
      return result
    } catch {
      let failure = AstError(error)
      throw failure.ending(try record(kind, on: node, since: before, .failed, failure.message))
    }
  }

  /// - Returns: the operation; nil if the change has one.
  @discardableResult
  private func record(
    _ kind: String, on node: Node, since last: OperationID?, _ outcome: OperationOutcome, _ message: String
  ) throws -> OperationID? {
    guard try tree.history(of: node.id, limit: 1).first?.id == last else { return nil }
    return try change {
      let operation = try intend(kind, on: node.id, from: node.current, to: nil)
      try tree.finish(operation, outcome, message: message)
      return operation
    }
  }
}
