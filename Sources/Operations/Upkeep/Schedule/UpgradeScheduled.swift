import Boot
import Btrfs
import FoundationEssentials
import Host
import Nodes
import Packages
import Settings
import SnapshotTree
import Store

/// `auto-upgrade --scheduled`: upgrades by the administrator's settings, without a user.
extension Store {
  static let scheduledUpgrade = "scheduled-upgrade"

  /// Looks for new versions, upgrades nodes, and deploys the default node, as the settings say. The history records the
  /// result. A node that fails keeps its content and does not stop the others.
  ///
  /// - Parameter power: the source of the machine's power.
  /// - Throws: `AstError` or `ConfigurationError` if nothing was started although it should have been.
  public func upgradeScheduled(
    _ options: PackageOptions, on power: PowerSupply = PowerSupply(),
    progress: @escaping (NodeID, PackageProgress) -> Void, note: @escaping (String) -> Void
  ) throws -> ScheduledUpgrade {
    var run: ScheduledRun
    do {
      run = ScheduledRun(store: self, updates: try settings.updates, options: options, progress: progress, note: note)
      try run.begin(on: power)
    } catch {
      recordScheduled(.failed, AstError(error).message)
      throw error
    }
    run.changeNodes()
    run.deploy()
    run.planReboot()
    let result = run.result
    if !result.sentences.isEmpty {
      recordScheduled(result.failures.isEmpty ? .done : .failed, result.sentences.joined(separator: "; "))
    }
    return result
  }

  /// The last of these upgrades; nil if there was none yet.
  public func lastScheduledUpgrade() throws -> Operation? {
    try tree.history().first { $0.kind == Store.scheduledUpgrade }
  }

  /// If this fails, only the entry in the history is lost.
  private func recordScheduled(_ outcome: OperationOutcome, _ message: String) {
    do {
      try change {
        let operation = try intend(Store.scheduledUpgrade, on: nil, from: nil, to: nil)
        try tree.finish(operation, outcome, message: message)
      }
    } catch {
      warn("the result of the upgrade cannot be entered in the history: \(AstError(error).message)")
    }
  }
}

/// A node that may have to be upgraded.
private struct ChosenNode {
  let id: NodeID
  /// The settings in force for it, or the error in its own file.
  let updates: Result<UpdateSettings, AstError>

  func wants(_ policy: UpdateSettings.Policy) -> Bool {
    if case .success(let updates) = updates { updates.policy == policy } else { false }
  }
}

/// A scheduled upgrade at work.
private struct ScheduledRun {
  let store: Store
  let updates: UpdateSettings
  let options: PackageOptions
  let progress: (NodeID, PackageProgress) -> Void
  let note: (String) -> Void
  private(set) var result = ScheduledUpgrade()
  private var nodes: [ChosenNode] = []

  init(
    store: Store, updates: UpdateSettings, options: PackageOptions,
    progress: @escaping (NodeID, PackageProgress) -> Void, note: @escaping (String) -> Void
  ) {
    (self.store, self.updates, self.options) = (store, updates, options)
    (self.progress, self.note) = (progress, note)
  }

  /// Finds the nodes that have to be upgraded, and checks whether the upgrade may start.
  mutating func begin(on power: PowerSupply) throws {
    nodes = try chosenNodes().map { id in
      ChosenNode(id: id, updates: Result { try store.settings(of: id).updates }.mapError(AstError.init))
    }.filter { !$0.wants(.off) }
    guard !nodes.isEmpty else { return }
    if updates.onlyOnAC, power == .battery {
      result.skipped = "on battery: nothing was done"
      nodes = []
      return
    }
    guard nodes.contains(where: { $0.wants(.stage) || $0.wants(.deploy) }) else { return }
    let free = try FileSystem.space(of: store.root).available
    guard free >= updates.minimumFree else {
      throw AstError(
        .noSpace,
        "only \(free >> 20) MiB are free, but updates.minimum-free is \(updates.minimumFree >> 20) MiB",
        state: .unchanged,
        hint: AstError.spaceHint)
    }
  }

  /// Works on one node after the other.
  mutating func changeNodes() {
    for node in nodes {
      let outcome = Result { try change(node.id, node.updates.get()) }.mapError(AstError.init)
      result.nodes.append(ScheduledUpgrade.NodeResult(node: node.id, isCheck: node.wants(.check), outcome: outcome))
      if Interruption.pending != nil { return }
    }
  }

  /// Deploys the default node, if there is anything new in it.
  mutating func deploy() {
    guard Interruption.pending == nil else { return }
    do {
      result.deployment = try deployIfNew().map { .success($0) }
    } catch {
      result.deployment = .failure(AstError(error))
    }
  }

  /// Decides whether and when the machine is rebooted.
  mutating func planReboot() {
    do {
      result.waiting = try store.waitingDeployment()
      guard nodes.contains(where: { $0.wants(.deploy) }), Interruption.pending == nil else { return }
      result.reboot = try store.reboot(updates)
    } catch {
      note("cannot decide whether to reboot: \(AstError(error).message)")
    }
  }

  private func chosenNodes() throws -> [NodeID] {
    var tops = updates.nodes.map { NodeID($0) }
    if tops.isEmpty {
      guard let node = try store.bootedNode() ?? store.defaultNode(), node != .base else {
        throw AstError(
          .refused, "updates.nodes does not name a node, and no node is booted or the default", state: .unchanged,
          hint: "see ast.toml(5)")
      }
      tops = [node]
    }
    guard updates.includesTree else { return tops }
    var seen: Set<NodeID> = []
    return try tops.flatMap { top in
      // A node that does not exist fails in its turn, and does not stop the others.
      try store.tree.node(top) == nil ? [top] : store.subtree(top).map(\.id)
    }.filter { seen.insert($0).inserted }
  }

  private func change(_ id: NodeID, _ updates: UpdateSettings) throws -> ScheduledUpgrade.NodeOutcome {
    let request: PackageRequest =
      switch updates.only {
      case .all: .upgrade
      case .security: .securityUpgrade
      }
    guard updates.policy != .check else {
      return .checked(try store.planPackages(request, in: id, options) { progress(id, $0) })
    }
    var clone: NodeID?
    do {
      let outcome = try store.upgradeUnattended(id, by: request, options) {
        guard updates.clonesBefore, clone == nil else { return }
        let day = Date().formatted(.iso8601.year().month().day())
        let description = try Description("node \(id) before the upgrade of \(day)")
        clone = try store.addNode(GenerationReference(id), at: .beside, description: description).node.id
      } progress: {
        progress(id, $0)
      }
      return .upgraded(outcome, clone: clone)
    } catch {
      if let clone { removeUnused(clone) }
      throw error
    }
  }

  /// A generation that was deployed before is not deployed again: it did not come up, or the user went back from it.
  private func deployIfNew() throws -> DeployOutcome? {
    guard let id = try store.defaultNode(), nodes.contains(where: { $0.id == id && $0.wants(.deploy) }),
      result.nodes.contains(where: { $0.node == id && $0.succeeded }),
      let deployed = try store.tree.deployments(of: id).map(\.generation).max(),
      try deployed < store.node(id).current, try !store.runsOnTrial()
    else { return nil }
    return try store.deploy(id, DeployOptions(), progress: note)
  }

  /// Deletes the clone of a node that was not changed in the end; otherwise there would be one more each day.
  private func removeUnused(_ clone: NodeID) {
    do {
      _ = try store.deleteTree(clone)
    } catch {
      note("node \(clone), cloned before the upgrade, cannot be deleted: \(AstError(error).message)")
    }
  }
}
