import Boot
import Btrfs
import FoundationEssentials
import Glibc
import Host
import Packages
import Rootfs
import SnapshotTree
import Store
import SystemPackage

/// The result of `install --live`.
public struct LiveInstallation: Sendable {
  /// The change of the node.
  public let node: PackageOutcome
  /// The new default deployment, with the packages; nil if the default one had them already.
  public let deployed: DeployOutcome?
  /// The plan that was carried out in the running system.
  public let running: PackagePlan
  /// The additions to /var.
  public let seeded: SeededVar
  /// Whether a package has asked for a reboot.
  public let asksForReboot: Bool
}

/// `install --live`: packages of the booted node that can be used at once.
extension Store {
  /// What `installLive` would do; nothing is done.
  public func planLive(
    _ names: [String], in id: NodeID, _ options: PackageOptions, progress: (PackageProgress) -> Void
  ) throws -> LivePlan {
    let running = try runningRoot(of: id)
    let plan = try planPackages(.install(names), in: id, options, progress: progress)
    return try planLive(names, options, for: plan, in: running, try AptSession(for: id, in: self), progress)
  }

  /// Installs packages in the booted node, deploys it, and installs them in the running system too.
  ///
  /// The order makes it safe. First the node gets them, then the deployment that boots next; both are complete before the
  /// running system is touched. There the packages go to a snapshot of the running root, which is mounted over `/usr` and
  /// gone at the next boot: a crash, or a package that fails, leaves every deployment as it was. Files that they put into
  /// /etc and /var stay, like any configuration of a running system.
  ///
  /// - Parameters:
  ///   - confirm: asked with the plan before anything is fetched or done.
  ///   - note: gets sentences that say what is going on.
  /// - Throws: `AstError`, which says what was done until then.
  public func installLive(
    _ names: [String], in id: NodeID, _ options: PackageOptions, confirm: (LivePlan) throws -> Bool,
    progress: (PackageProgress) -> Void, note: (String) -> Void
  ) throws -> LiveInstallation {
    // 1 check
    let running = try runningRoot(of: id)
    let session = try AptSession(for: id, in: self)
    var plan: LivePlan?
    func prepare(_ nodePlan: PackagePlan) throws -> LivePlan {
      let made = try planLive(names, options, for: nodePlan, in: running, session, progress)
      guard try made.isEmpty || confirm(made) else { throw AstError.notConfirmed }
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
    // 3 the default deployment
    let deployed = try explaining(outcome, of: id, "deploying it failed, and the running system is unchanged") {
      try isDeployed(id) ? nil : deploy(id, DeployOptions(), progress: note)
    }
    failPoint("next boot has it")
    // 4 the running system
    let askedBefore = Self.asksForReboot
    var seeded = SeededVar()
    if !live.running.steps.isEmpty {
      progress(.installingLive)
      let what = "the running system is unchanged, except for /etc, /var and started services"
      try explaining(outcome, of: id, what) {
        seeded = try installInRunning(live, running, session)
      }
    }
    return LiveInstallation(
      node: outcome, deployed: deployed, running: live.running, seeded: seeded,
      asksForReboot: !askedBefore && Self.asksForReboot)
  }

  /// Step 4, a separate operation: it is completed or undone.
  private func installInRunning(
    _ plan: LivePlan, _ running: RunningRoot, _ session: AptSession
  ) throws -> SeededVar {
    let id = running.deployment.node
    let lock = try lock(id)
    defer { withExtendedLifetime(lock) {} }
    guard try runningRoot(of: id) == running, let next = try defaultRoot() else {
      throw AstError(.busy, "the running system was changed meanwhile")
    }
    let operation = try change(holding: [id]) { try intend("live-install", on: id, from: nil, to: nil) }
    failPoint("intent entered")
    do {
      let log = try TransactionLog(operation, on: id, in: self)
      // Compared with /, because the /etc of a live snapshot is not the running one.
      let accounts = try LiveAccounts(of: next, missingIn: "/")
      let snapshot = try LiveSnapshot(of: running, in: self)
      failPoint("live snapshot made")
      let seeded: SeededVar
      do {
        try accounts.make()
        failPoint("live accounts made")
        seeded = try SeedVar(from: next, into: "/var").run()
        failPoint("live /var completed")
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
      coverAgain()
      try change(holding: [id], own: operation) { try tree.finish(operation, .done) }
      return seeded
    } catch let error as TreeError where error.isOutcomeUnknown {
      throw error
    } catch {
      let failure = AstError(error).ending(operation)
      try abandon(operation, on: id, nil, failure.message)
      throw failure
    }
  }

  /// The packages are there: that apt says less until the next start is no reason to take them away.
  private func coverAgain() {
    do {
      try CoveredPrograms.coverAgain()
    } catch {
      warn("apt and its like do not say what to type until the next start: \(AstError(error).reason)")
    }
  }

  /// Gives the running system back the /usr it had.
  private func takeAway(_ snapshot: LiveSnapshot) {
    do {
      try snapshot.discard()
      // The units of the packages are gone again.
      try ChildProcess("systemctl", ["daemon-reload"]).run()
    } catch {
      warn("the running system still has a part of the packages: \(AstError(error).reason); a reboot removes it")
    }
  }

  /// The running root, if it is of the node and packages can be added to it.
  private func runningRoot(of id: NodeID) throws -> RunningRoot {
    let hint = "install it without `--live`, then `ast deploy \(id)` and reboot"
    _ = try node(id)
    let deployment = try requireRunningDeployment(hint: hint)
    guard deployment.node == id else {
      throw AstError(
        .refused, "node \(deployment.node) is running, not node \(id)", state: .unchanged, hint: hint)
    }
    // The default deployment is about to be replaced.
    if let next = try tree.defaultDeployment.flatMap(tree.deployment), next.node != id {
      throw AstError(
        .refused, "deployment \(next.id) of node \(next.node) is the default", state: .unchanged,
        hint: "`ast rollback` makes the running deployment the default, then try again; or \(hint)")
    }
    return try RunningRoot(of: deployment, in: self)
  }

  private func planLive(
    _ names: [String], _ options: PackageOptions, for plan: PackagePlan, in running: RunningRoot,
    _ session: AptSession, _ progress: (PackageProgress) -> Void
  ) throws -> LivePlan {
    let content = try subvolume(of: try current(try node(running.deployment.node))).path
    try session.useIndices(of: content, .never, progress: progress)
    progress(.planning)
    return try session.planLive(names, options, for: plan, of: content, in: running)
  }

  /// Whether the default deployment is of the node's current generation.
  private func isDeployed(_ id: NodeID) throws -> Bool {
    guard let next = try tree.defaultDeployment.flatMap(tree.deployment) else { return false }
    return try next.node == id && next.generation == node(id).current
  }

  private func defaultRoot() throws -> FilePath? {
    try tree.defaultDeployment.flatMap(tree.deployment).map { path(of: $0) }
  }

  /// Adds to a failure what was done before it.
  private func explaining<Result>(
    _ outcome: PackageOutcome, of id: NodeID, _ what: String, _ step: () throws -> Result
  ) throws -> Result {
    do {
      return try step()
    } catch {
      let failure = AstError(error)
      let has = outcome.change.map { "node \(id) has the packages (generation \($0.generation.number))" }
      throw AstError(
        .failed, "\(has ?? "node \(id) has the packages"); \(what): \(failure.reason)",
        hint: "use them after `ast deploy \(id)` and a reboot"
      ).ending(failure.operation)
    }
  }

  /// Whether a package asks for a reboot, by the file that unattended-upgrades and the message of the day read.
  private static var asksForReboot: Bool { access("/run/reboot-required", F_OK) == 0 }
}
