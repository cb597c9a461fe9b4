import Btrfs
import DebianFormats
import FoundationEssentials
import Host
import Nodes
import Rootfs
import SnapshotTree
import Store

/// A change to the packages of a tree.
public enum TreeRequest: Sendable, Equatable {
  /// Upgrade all packages of each node.
  case upgrade
  /// Upgrade packages of each node to versions that are security updates.
  case securityUpgrade
  /// Remove packages from the nodes that have them.
  case remove([String], purge: Bool)
  /// Install in each node below the top its parent's packages, after an upgrade unless it is forced.
  case sync(forced: Bool, removing: Bool)

  /// The name of the operations in the history.
  var kind: String {
    switch self {
    case .upgrade, .securityUpgrade: Store.treeUpgrade
    case .remove: "tree-rmpkg"
    case .sync(let forced, _): forced ? "force-sync" : "sync"
    }
  }
}

/// Options for a change of a tree.
public struct TreeOptions: Sendable, Equatable {
  /// How each node's packages are changed.
  public var packages: PackageOptions
  /// How many nodes are changed at once.
  public var jobs: Int
  /// Whether no further node is started after one has failed.
  public var stopsAtFailure = false

  /// Options with as many jobs at once as there are processors.
  public init(_ packages: PackageOptions) {
    self.packages = packages
    jobs = ProcessInfo.processInfo.activeProcessorCount
  }
}

/// The result for one node of a tree.
public struct TreeChangeResult: Sendable {
  /// The node.
  public let node: Node
  /// What was done, or why it failed; nil if the node was not started.
  public let outcome: Result<NodeChange, AstError>?

  /// Whether the node is as the command wanted it.
  public var succeeded: Bool { if case .success = outcome { true } else { false } }
}

/// A node that was changed with its tree.
public struct NodeChange: Sendable {
  /// The change of its packages.
  public let packages: PackageOutcome
  /// The comparison with its parent, if that was asked for.
  public let comparison: ParentComparison?
}

/// `tree-upgrade`, `tree-rmpkg`, `sync`, `force-sync`.
extension Store {
  /// The name of a tree's upgrade in the history.
  static let treeUpgrade = "tree-upgrade"

  /// Makes the same change in a node and in every node below it: parents before children, a transaction for each. A node
  /// that fails keeps its content and does not stop the others.
  ///
  /// - Parameters:
  ///   - progress: called with the progress of each node.
  ///   - finished: called with each result when it is known.
  public func changeTree(
    _ request: TreeRequest, top: NodeID, _ options: TreeOptions, progress: (NodeID, PackageProgress) -> Void,
    finished: (TreeChangeResult) -> Void
  ) throws -> [TreeChangeResult] {
    guard top != .base else { throw AstError.base }
    let nodes = try subtree(top)
    if case .remove(let names, _) = request { try requireKnown(names, in: nodes) }
    Interruption.holdBack()
    var schedule = try TreeSchedule<NodeChange>(nodes, jobs: options.jobs, in: self) { store, node, progress in
      try store.recording(request.kind, on: node) {
        try store.change(node, isTop: node.id == top, request, options.packages, progress: progress)
      }
    }
    let (results, untouched) = schedule.run(stopsAtFailure: options.stopsAtFailure, progress: progress) {
      finished(TreeChangeResult(node: $0, outcome: $1))
    }
    return results.map(TreeChangeResult.init) + untouched.map { TreeChangeResult(node: $0, outcome: nil) }
  }

  /// The plan of each node for the same change, made for the node by itself: without what its parent would get.
  ///
  /// - Parameters:
  ///   - progress: called with the progress of each node.
  ///   - finished: called when a node is planned.
  public func planTree(
    _ request: TreeRequest, top: NodeID, _ options: PackageOptions, progress: (NodeID, PackageProgress) -> Void,
    finished: (NodeID) -> Void
  ) throws -> [(node: NodeID, plan: PackagePlan)] {
    guard top != .base else { throw AstError.base }
    return try subtree(top).map { node in
      let progress = { progress(node.id, $0) }
      let wanted = try wanted(by: request, in: node, isTop: node.id == top, options, progress: progress).request
      defer { finished(node.id) }
      return (node.id, try planPackages(wanted, in: node.id, options, progress: progress))
    }
  }

  private func change(
    _ node: Node, isTop: Bool, _ request: TreeRequest, _ options: PackageOptions,
    progress: (PackageProgress) -> Void
  ) throws -> NodeChange {
    let (wanted, comparison) = try wanted(by: request, in: node, isTop: isTop, options, progress: progress)
    let outcome = try changePackages(
      wanted, in: node.id, as: request.kind, options, confirm: { _ in true }, progress: progress)
    return NodeChange(packages: outcome, comparison: comparison)
  }

  /// The request for one node that a request for its tree leads to.
  private func wanted(
    by request: TreeRequest, in node: Node, isTop: Bool, _ options: PackageOptions,
    progress: (PackageProgress) -> Void
  ) throws -> (request: PackageRequest, comparison: ParentComparison?) {
    switch request {
    case .upgrade: return (.upgrade, nil)
    case .securityUpgrade: return (.securityUpgrade, nil)
    case .remove(let names, let purge): return (.remove(try present(names, in: node), purge: purge), nil)
    case .sync(let forced, _) where isTop: return (forced ? .install([]) : .upgrade, nil)
    case .sync(let forced, let removing):
      let comparison = try compareWithParent(node, options, progress: progress)
      return (comparison.request(upgrading: !forced, removing: removing), comparison)
    }
  }

  /// Refuses names of packages that no node has, even in part.
  private func requireKnown(_ names: [String], in nodes: [Node]) throws {
    let known = try nodes.reduce(into: Set()) { try $0.formUnion(present(names, in: $1)) }
    guard let unknown = names.first(where: { !known.contains($0) }) else { return }
    throw AstError(.notFound, "no node of the tree has a package \(unknown)", state: .unchanged)
  }

  /// The packages among `names` that a node has, at least in part: apt would take any other name for a mistake.
  private func present(_ names: [String], in node: Node) throws -> [String] {
    let marks = try PackageMarks(in: try subvolume(of: try current(node)).path)
    return names.filter { name in marks.known.contains { $0.name == name || "\($0)" == name } }
  }
}
