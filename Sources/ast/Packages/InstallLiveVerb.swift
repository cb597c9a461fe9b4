import Boot
import Live
import Packages
import Rootfs
import SnapshotTree

/// `install --live`.
extension Install {
  /// Shows both plans, asks, installs, and reports the result.
  func installLive(_ packages: [String], _ options: PackageOptions, _ context: Context) throws -> Report {
    let (store, output) = (try context.store, context.output)
    let (view, node) = (ProgressView(output), try context.node(self.node))
    defer { view.clear() }
    let progress: Progress = { view.show($0, of: node) }
    if packageOptions.simulate {
      let plan = try store.planLive(packages, in: node, options, progress: progress)
      return Report(text: text(plan, .dryRun, .results), data: LivePlanReport(plan, of: node))
    }
    let done = try store.installLive(
      packages, in: node, options,
      confirm: { plan in
        view.clear()
        output.show(text(plan, .question, .messages))
        return try Confirmation.agreed("Change node \(node) and the running system?", global)
      }, progress: progress,
      note: { sentence in
        view.clear()
        output.note(sentence)
      })
    view.clear()
    return report(done, of: node, output)
  }

  private func text(_ plan: LivePlan, _ occasion: PlanView.Occasion, _ palette: Palette) -> String {
    let node = PlanView.text(plan.node, occasion, width: Terminal.width, palette)
    guard plan.running.steps != plan.node.steps else { return "\(node)\nThe same in the running system." }
    return "\(node)\nIn the running system:\n\(PlanView.text(plan.running, occasion, width: Terminal.width, palette))"
  }

  private func report(_ done: LiveInstallation, of node: NodeID, _ output: Output) -> Report {
    if let change = done.node.change { output.tell(change, of: node) }
    if let deployed = done.deployed {
      for line in deployed.etc.sentences { output.note(line) }
      output.note(
        "deployment \(deployed.deployment.id) has the present /etc; if you change it before the reboot, run"
          + " `ast deploy \(node)` again")
    }
    for obstacle in done.seeded.obstacles { output.note(obstacle.sentence) }
    if done.asksForReboot { output.note("a package asks for a reboot") }
    let boots = done.deployed.map { "; deployment \($0.deployment.id) boots at the next start" } ?? ""
    let runs = "the running system: \(PlanView.summary(done.running))"
    return Report(
      text: "Node \(node): \(done.node.words)\(boots); \(runs).", data: LiveReport(done, of: node),
      transaction: done.node.change?.generation.operation)
  }
}

/// A plan as `--json` shows it.
private struct LivePlanReport: Encodable {
  private let plan: PlanReport
  private let live: PlanReport

  init(_ plan: LivePlan, of node: NodeID) {
    self.plan = PlanReport(plan.node, of: node)
    live = PlanReport(plan.running, of: node)
  }
}

/// The installation as `--json` shows it.
private struct LiveReport: Encodable {
  private let change: PackageChangeReport
  private let live: PlanReport
  @Nullable private var deployment: DeploymentID?
  private let asksForReboot: Bool

  init(_ done: LiveInstallation, of node: NodeID) {
    change = PackageChangeReport(node, done.node)
    live = PlanReport(done.running, of: node)
    deployment = done.deployed?.deployment.id
    asksForReboot = done.asksForReboot
  }
}
