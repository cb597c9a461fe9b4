import Btrfs
import DebianFormats
import FoundationEssentials
import Host
import Nodes
import Rootfs
import SnapshotTree
import Store

/// What is to be done to the packages of a tree.
public enum TreeRequest: Sendable, Equatable {
  /// Bring all packages of each node to the versions of their archives.
  case upgrade
  /// Remove packages where they are.
  case remove([String], purge: Bool)
  /// Give each node below the top what its parent has, after an upgrade unless it is forced.
  case sync(forced: Bool, removing: Bool)

  /// The name of the operations in the history.
  var kind: String {
    switch self {
    case .upgrade: Store.treeUpgrade
    case .remove: "tree-rmpkg"
    case .sync(let forced, _): forced ? "force-sync" : "sync"
    }
  }
}

/// How a tree is worked on.
public struct TreeOptions: Sendable, Equatable {
  /// How each node's packages are changed.
  public var packages: PackageOptions
  /// How many nodes are worked on at once.
  public var jobs: Int
  /// Whether nothing new is begun once a node has failed.
  public var stopsAtFailure = false

  /// Options with as many jobs at once as there are processors.
  public init(_ packages: PackageOptions) {
    self.packages = packages
    jobs = ProcessInfo.processInfo.activeProcessorCount
  }
}

/// What became of one node of a tree.
public struct TreeChangeResult: Sendable {
  /// The node.
  public let node: Node
  /// What was done, or why nothing was; nil if nobody began with it.
  public let outcome: Result<NodeChange, AstError>?

  /// Whether the node is as the command wanted it.
  public var succeeded: Bool { if case .success = outcome { true } else { false } }
}

/// A node that was changed with its tree.
public struct NodeChange: Sendable {
  /// What became of its packages.
  public let packages: PackageOutcome
  /// How it compares with its parent, where that was asked for.
  public let comparison: ParentComparison?
}

/// `tree-upgrade`, `tree-rmpkg`, `sync`, `force-sync`.
extension Store {
  /// The names under which upgrades without anybody watching stand in the history.
  static let treeUpgrade = "tree-upgrade"

  /// Does the same to the packages of a node and of everything below it: parents before children, a transaction for
  /// each. A node that fails keeps its content and does not stop the others.
  ///
  /// - Parameters:
  ///   - progress: told how far each node is.
  ///   - finished: called with each result as it is there.
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

  /// What the same would do, node by node, each by itself: what a parent gets is not known to its children yet.
  ///
  /// - Parameters:
  ///   - progress: told how far each node is.
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

  /// What a request for a tree comes to in one of its nodes.
  private func wanted(
    by request: TreeRequest, in node: Node, isTop: Bool, _ options: PackageOptions,
    progress: (PackageProgress) -> Void
  ) throws -> (request: PackageRequest, comparison: ParentComparison?) {
    switch request {
    case .upgrade: return (.upgrade, nil)
    case .remove(let names, let purge): return (.remove(try present(names, in: node), purge: purge), nil)
    case .sync(let forced, _) where isTop: return (forced ? .install([]) : .upgrade, nil)
    case .sync(let forced, let removing):
      let comparison = try compareWithParent(node, options, progress: progress)
      return (comparison.request(upgrading: !forced, removing: removing), comparison)
    }
  }

  /// Refuses names of which no node has anything.
  private func requireKnown(_ names: [String], in nodes: [Node]) throws {
    let known = try nodes.reduce(into: Set()) { try $0.formUnion(present(names, in: $1)) }
    guard let unknown = names.first(where: { !known.contains($0) }) else { return }
    throw AstError(.notFound, "no node of the tree has a package \(unknown)", state: .unchanged)
  }

  /// Those of the packages that a node has anything of, so that apt does not take a name it does not know for a mistake.
  private func present(_ names: [String], in node: Node) throws -> [String] {
    let marks = try PackageMarks(in: try subvolume(of: try current(node)).path)
    return names.filter { name in marks.known.contains { $0.name == name || "\($0)" == name } }
  }
}
