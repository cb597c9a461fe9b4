import Boot
import Btrfs
import FoundationEssentials
import Glibc
import Host
import Packages
import SnapshotTree
import Store
import SystemPackage

/// What came of `install --live`.
public struct LiveInstallation: Sendable {
  /// What became of the node.
  public let node: PackageOutcome
  /// The deployment with the packages that boots the next time; nil where there was one.
  public let deployed: DeployOutcome?
  /// What came into the running system.
  public let running: PackagePlan
  /// Whether a package has asked for a reboot.
  public let asksForReboot: Bool
}

/// `install --live`: packages of the booted node that can be used at once.
extension Store {
  /// What `installLive` would do, without doing it.
  public func planLive(
    _ names: [String], in id: NodeID, _ options: PackageOptions, progress: (PackageProgress) -> Void
  ) throws -> LivePlan {
    let running = try runningRoot(of: id)
    let plan = try planPackages(.install(names), in: id, options, progress: progress)
    return try planLive(names, options, for: plan, in: running, try AptSession(for: id, in: self), progress)
  }

  /// Installs packages in the booted node, deploys it, and installs them in the running system too.
  ///
  /// The order is what makes it safe. First the node has them, then the deployment that boots next; both are complete
  /// before the running system is touched. There the packages go to a snapshot of the running root, which is mounted over
  /// `/usr` and gone with the next boot: a crash, or a package that fails, leaves every deployment as it was. What they
  /// put into /etc and /var stays, as with everything that is configured on a running system.
  ///
  /// - Parameters:
  ///   - confirm: asked with the plan before anything is fetched or done.
  ///   - note: told what is going on, in sentences.
  /// - Throws: `AstError`, which says what was done until then.
  public func installLive(
    _ names: [String], in id: NodeID, _ options: PackageOptions, confirm: (LivePlan) throws -> Bool,
    progress: (PackageProgress) -> Void, note: (String) -> Void
  ) throws -> LiveInstallation {
    // 1 refuse what can be refused
    let running = try runningRoot(of: id)
    let session = try AptSession(for: id, in: self)
    var plan: LivePlan?
    func prepare(_ nodePlan: PackagePlan) throws -> LivePlan {
      let made = try planLive(names, options, for: nodePlan, in: running, session, progress)
      guard try made.isEmpty || confirm(made) else { throw AstError(.failed, "not confirmed", state: .unchanged) }
      try requireSpace(for: made.running)
      try session.download(made.running, in: running.path, progress: progress)
      try session.requireLiveFiles(of: made.running, in: running)
      plan = made
      return made
    }
    // 2 the node
    let outcome = try changePackages(
      .install(names), in: id, options,
      confirm: {
        _ = try prepare($0)
        return true
      }, progress: progress)
    let live = try plan ?? prepare(outcome.plan)
    failPoint("node has it")
    // 3 what boots next
    let deployed = try explaining(outcome, of: id, "deploying it failed, and the running system is what it was") {
      try isDeployed(id) ? nil : deploy(id, DeployOptions(), progress: note)
    }
    failPoint("next boot has it")
    // 4 what runs
    let askedBefore = Self.asksForReboot
    if !live.running.steps.isEmpty {
      progress(.installingLive)
      let what = "the running system is what it was, but for /etc, /var and what was started"
      try explaining(outcome, of: id, what) {
        try installInRunning(live, running, session)
      }
    }
    return LiveInstallation(
      node: outcome, deployed: deployed, running: live.running, asksForReboot: !askedBefore && Self.asksForReboot)
  }

  /// Step 4, an operation of its own: complete, or taken away again.
  private func installInRunning(_ plan: LivePlan, _ running: RunningRoot, _ session: AptSession) throws {
    let id = running.deployment.node
    let lock = try lock(id)
    defer { withExtendedLifetime(lock) {} }
    guard try runningRoot(of: id) == running, let next = try defaultRoot() else {
      throw AstError(.busy, "it was changed meanwhile")
    }
    let operation = try change(holding: [id]) { try intend("live-install", on: id, from: nil, to: nil) }
    failPoint("intent entered")
    do {
      let log = try TransactionLog(operation, in: self)
      // The snapshot may have been made of another one, whose /etc is not the one that runs.
      let accounts = try LiveAccounts(of: next, missingIn: "/")
      let snapshot = try LiveSnapshot(of: running, in: self)
      failPoint("live snapshot made")
      do {
        try accounts.make()
        failPoint("live accounts made")
        try snapshot.show()
      } catch {
        try? snapshot.delete()
        throw error
      }
      failPoint("live snapshot shown")
      do {
        try session.applyLive(plan, in: snapshot.path, log: log)
        failPoint("live packages installed")
        try session.verify(snapshot.path, before: running.path)
      } catch {
        takeAway(snapshot)
        throw error
      }
      try change(holding: [id], own: operation) { try tree.finish(operation, .done) }
    } catch let error as TreeError where error.isOutcomeUnknown {
      throw error
    } catch {
      try abandon(operation, on: id, nil, AstError(error).message)
      throw error
    }
  }

  /// Gives the running system back the /usr it had.
  private func takeAway(_ snapshot: LiveSnapshot) {
    do {
      try snapshot.discard()
      // Units that came with the packages are gone again.
      try ChildProcess("systemctl", ["daemon-reload"]).run()
    } catch {
      warn("the running system still has a part of the packages: \(AstError(error).message); a reboot ends that")
    }
  }

  /// What runs, where it is of the node and packages can be added to it.
  private func runningRoot(of id: NodeID) throws -> RunningRoot {
    let hint = "without `--live`, and then `ast deploy \(id)` and a reboot"
    _ = try node(id)
    let deployment = try requireRunningDeployment(hint: hint)
    guard deployment.node == id else {
      throw AstError(
        .refused, "node \(deployment.node) runs, and not node \(id)", state: .unchanged, hint: hint)
    }
    // It is about to be replaced as what boots next.
    if let next = try tree.defaultDeployment.flatMap(tree.deployment), next.node != id {
      throw AstError(
        .refused, "deployment \(next.id) of node \(next.node) boots the next time", state: .unchanged,
        hint: "`ast rollback` makes what runs the default, then try again; or \(hint)")
    }
    return try RunningRoot(of: deployment, in: self)
  }

  private func planLive(
    _ names: [String], _ options: PackageOptions, for plan: PackagePlan, in running: RunningRoot,
    _ session: AptSession, _ progress: (PackageProgress) -> Void
  ) throws -> LivePlan {
    let content = try subvolume(of: try current(try node(running.deployment.node))).path
    try session.useIndices(of: content, .whenMissing, progress: progress)
    progress(.planning)
    return try session.planLive(names, options, for: plan, of: content, in: running)
  }

  /// Whether what boots next is the node as it is now.
  private func isDeployed(_ id: NodeID) throws -> Bool {
    guard let next = try tree.defaultDeployment.flatMap(tree.deployment) else { return false }
    return try next.node == id && next.generation == node(id).current
  }

  private func defaultRoot() throws -> FilePath? {
    try tree.defaultDeployment.flatMap(tree.deployment).map { path(of: $0) }
  }

  /// Says of a failure what is done already.
  private func explaining<Result>(
    _ outcome: PackageOutcome, of id: NodeID, _ what: String, _ step: () throws -> Result
  ) throws -> Result {
    do {
      return try step()
    } catch {
      let has = outcome.change.map { "node \(id) has the packages (generation \($0.generation.number))" }
      throw AstError(
        .failed, "\(has ?? "node \(id) has the packages"); \(what): \(AstError(error).reason)",
        hint: "`ast deploy \(id)` and a reboot give them to you")
    }
  }

  /// What packages leave for unattended-upgrades and the message of the day.
  private static var asksForReboot: Bool { access("/run/reboot-required", F_OK) == 0 }
}
