import Boot
import Host
import SystemPackage

extension ScheduledUpgrade.Reboot {
  /// Has systemd reboot the machine, or check again at that time whether to (`ast reboot-waiting`).
  ///
  /// The timer exists until the next boot and goes off each day: what prevents a reboot in one night may be over in the
  /// next.
  ///
  /// - Parameter programs: the directory of systemd's programs.
  /// - Throws: `AstError`.
  public func carryOut(with programs: FilePath = "/usr/bin") throws {
    let systemctl = programs.appending("systemctl").string
    switch self {
    case .now: try restartMachine(with: systemctl)
    case .later(let minute):
      // Stop the timer of an earlier run. If there is none, systemctl fails.
      try? ChildProcess(systemctl, ["--quiet", "stop", "ast-reboot.timer"]).run()
      let time = "*-*-* \(DayTime.text(minute)):00"
      try ChildProcess(
        programs.appending("systemd-run").string,
        [
          "--quiet", "--collect", "--unit=ast-reboot", "--on-calendar=\(time)", "--", "/usr/sbin/ast",
          "reboot-waiting",
        ]
      ).run()
    }
  }
}
