import Settings
import Store

/// `reboot-waiting`, which the timer of a reboot that had to wait starts.
extension Store {
  /// Has systemd reboot the machine for a waiting deployment, if the settings allow it now.
  ///
  /// - Returns: whether the machine is rebooted.
  /// - Throws: `AstError` or `ConfigurationError`.
  public func rebootIfDue() throws -> Bool {
    guard try reboot(settings.updates) == .now else { return false }
    try ScheduledUpgrade.Reboot.now.carryOut()
    return true
  }
}
