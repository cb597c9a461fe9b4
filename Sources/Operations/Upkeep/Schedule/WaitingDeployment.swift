import Nodes
import Settings
import SnapshotTree
import Store

/// Deployments that should be running but are not.
extension Store {
  /// The default deployment, if another one is running; nil if it is the same, or there is none.
  public func waitingDeployment() throws -> Deployment? {
    try waitingDeployment(running: booted()?.deployment)
  }

  func waitingDeployment(running: Deployment?) throws -> Deployment? {
    guard let running, let next = try tree.defaultDeployment, next != running.id else { return nil }
    return try tree.deployment(next)
  }

  /// The newest deployment, if it did not come up and another one boots instead.
  public func failedDeployment() throws -> Deployment? {
    guard let newest = try tree.deployments().last, newest.state == .failed else { return nil }
    return newest
  }

  /// When the machine is to be rebooted for a waiting deployment; nil if it is not.
  ///
  /// - Parameter minute: the time of the day.
  public func reboot(_ updates: UpdateSettings, at minute: Int = DayTime.now()) throws -> ScheduledUpgrade.Reboot? {
    try reboot(updates, at: minute, running: booted()?.deployment)
  }

  func reboot(
    _ updates: UpdateSettings, at minute: Int, running: Deployment?
  ) throws -> ScheduledUpgrade.Reboot? {
    guard updates.reboot == .whenNeeded, let window = updates.rebootWindow,
      try waitingDeployment(running: running) != nil
    else { return nil }
    // A running command would lose its work.
    return try window.contains(minute) && self.running().isEmpty ? .now : .later(minute: window.start)
  }

  func runsOnTrial() throws -> Bool { if case .trial = try booted() { true } else { false } }
}
