import Host

/// Has systemd restart this machine, after the running commands have ended.
///
/// - Parameter systemctl: the program, by name or path.
/// - Throws: `AstError`.
public func restartMachine(with systemctl: String = "systemctl") throws {
  try ChildProcess(systemctl, ["--no-block", "reboot"]).run()
}
