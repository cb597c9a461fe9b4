import Boot
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

  /// What firmware knows of the key for kernel modules, if Secure Boot refuses what is signed with it.
  public let refusedKey: ModuleKeyReport?

  /// Asks the database of a store, and the firmware.
  init(of store: Store) throws {
    scheduled = try store.lastScheduledUpgrade()
    waiting = try store.waitingDeployment()
    failed = try store.failedDeployment()
    running = try store.booted()?.deployment
    refusedKey = try ModuleKey.existing(in: store.root).flatMap { try ModuleKeyReport($0) }.flatMap {
      $0.isRefused ? $0 : nil
    }
  }

  /// Whether the last scheduled upgrade has failed, or a deployment did not come up.
  var hasFailed: Bool { scheduled?.state == .failed || failed != nil }
}
