import SnapshotTree
import Store

/// What became of unattended upgrades on the machine as a whole.
public struct MachineUpdates: Sendable {
  /// The last scheduled upgrade; nil if there was none yet.
  public let scheduled: Operation?
  /// The deployment that waits for a reboot.
  public let waiting: Deployment?
  /// The newest deployment, if it did not come up.
  public let failed: Deployment?
  /// The running deployment.
  public let running: Deployment?

  /// Asks the database of a store.
  init(of store: Store) throws {
    scheduled = try store.lastScheduledUpgrade()
    waiting = try store.waitingDeployment()
    failed = try store.failedDeployment()
    running = try store.booted()?.deployment
  }

  /// Whether the last scheduled upgrade has failed, or a deployment did not come up.
  var hasFailed: Bool { scheduled?.state == .failed || failed != nil }
}
