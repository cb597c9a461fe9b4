import Store

/// `boot-complete`: this machine came up and passed the checks.
extension Store {
  /// Records that, and tells the users at login if the boot is a trial or a fallback.
  public func recordBoot() throws -> BootReport {
    let report = try completeBoot(.current())
    try MessageOfTheDay.boot.set(report.messageOfTheDay)
    return report
  }
}
