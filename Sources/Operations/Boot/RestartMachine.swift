import Host

/// Has systemd restart this machine, after the running commands have ended.
///
/// - Throws: `AstError`.
public func restartMachine() throws { try ChildProcess("systemctl", ["--no-block", "reboot"]).run() }
