import Boot
import Host

/// What the users of a machine that is being adopted read at login.
extension Adoption {
  static let restartNotice =
    "This system is adopted by ast. Restart it soon: packages installed until then stay behind.\n"

  /// Sets the notice, or removes it with nil. The adoption does not depend on it, so a failure is only reported to
  /// `warn`. A root that is not this machine's has no users.
  func setNotice(_ text: String?, warn: (String) -> Void) {
    guard root == "/" else { return }
    do { try MessageOfTheDay.boot.set(text) } catch { warn(AstError(error).message) }
  }
}
