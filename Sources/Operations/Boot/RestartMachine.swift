import Host

/// Has systemd restart this machine, after what runs has ended.
///
/// - Throws: `AstError`.
public func restartMachine() throws { try ChildProcess("systemctl", ["--no-block", "reboot"]).run() }
