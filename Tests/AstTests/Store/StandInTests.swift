import FoundationEssentials
import SystemPackage
import TestSupport
import Testing

/// What packages call to start, stop and ask services, in a node with the real programs.
@Suite("Stand-ins for services", .requiresRoot)
struct StandInTests {
  /// Commands, their exit status, and what they print.
  private static let commands: [(command: String, status: Int, output: String)] = [
    ("systemctl start cron", 0, ""),
    ("systemctl --system daemon-reload", 0, ""),
    ("systemctl -q --no-block try-restart cron.service", 0, ""),
    ("systemctl -t service reload-or-restart cron", 0, ""),
    ("systemctl -s HUP kill cron", 0, ""),
    ("systemctl --user daemon-reload", 0, ""),
    ("systemctl reboot", 0, ""),
    ("systemctl is-active cron", 3, "inactive"),
    ("systemctl is-active --quiet cron", 3, ""),
    ("systemctl -q is-active cron", 3, ""),
    ("systemctl is-failed cron", 1, "inactive"),
    ("systemctl status cron", 3, "nothing runs in a node"),
    ("systemctl is-system-running", 1, "offline"),
    ("systemctl disable cron", 0, ""),
    ("systemctl is-enabled cron", 1, "disabled"),
    ("systemctl enable --now cron", 0, ""),
    ("systemctl is-enabled cron", 0, "enabled"),
    ("systemctl mask --now cron", 0, ""),
    ("systemctl is-enabled cron", 1, "masked"),
    ("systemctl unmask cron", 0, ""),
    ("systemctl --root=/ is-enabled cron", 0, "enabled"),
    ("service cron start", 0, ""),
    ("service cron status", 3, "cron is not running"),
    ("invoke-rc.d cron restart", 0, ""),
    ("invoke-rc.d --skip-systemd-native cron start", 0, ""),
    ("invoke-rc.d cron status", 3, ""),
    ("invoke-rc.d --query cron start", 101, ""),
    ("deb-systemd-invoke start cron.service", 0, ""),
    ("udevadm trigger --subsystem-match=block", 0, ""),
    ("udevadm control --reload-rules", 0, ""),
    ("udevadm settle", 0, ""),
    ("test \"$(udevadm --version)\" -gt 200", 0, ""),
    ("telinit q", 0, ""),
    ("shutdown -r now", 0, ""),
    ("test ! -d /run/systemd/system", 0, ""),
    ("pgrep -x cron", 1, ""),
  ]

  @Test func whatStartsDoesNothingAndWhatAsksGetsTheTruth() throws {
    let packages = try PackageStore(other: .debian)
    let store = packages.store
    try store.ast("clone", "0").expectSuccess()
    let install = try store.ast("install", "-y", "1", "systemd", "udev", "cron", "procps").expectSuccess()
    #expect(!install.stderr.contains("System has not been booted"), "\(install)")
    let lines = Self.commands.map { "output=$(\($0.command) 2>/dev/null); echo \"$? $output\"" }
    let result = try store.ast("run", "1", "sh", "-c", lines.joined(separator: "\n")).expectSuccess()
    for (line, expected) in zip(result.stdout.lines, Self.commands) {
      #expect(line == "\(expected.status) \(expected.output)", "\(expected.command)")
    }
    #expect(result.stdout.lines.count == Self.commands.count)
    // It is said once for each program.
    let said = try store.ast("run", "1", "sh", "-c", "systemctl start cron; systemctl stop cron; service cron start")
    #expect(
      said.stderr.lines.filter { $0.contains("left out") } == [
        "ast: nothing runs in a node: \"systemctl start cron\" was left out",
        "ast: nothing runs in a node: \"service cron start\" was left out",
      ])
    // systemd takes no word of the caller's command line for one of the kernel's, whichever number or name the node has.
    for word in ["1", "5", "single", "rescue", "-b", "systemd.unit=rescue.target"] {
      let command = "systemctl set-default multi-user.target"
      let result = try store.ast("run", "1", "sh", "-c", command, word).expectSuccess()
      #expect(!result.stderr.contains("command line"), "\(result)")
    }
    // A program that is not there is not there.
    try store.ast("clone", "0").expectSuccess()
    let missing = try store.ast("run", "2", "sh", "-c", "systemctl enable x")
    #expect(missing.status == 127 && missing.stderr.lines.first == "systemctl: not found", "\(missing)")
    if FileManager.default.isExecutableFile(atPath: "/usr/bin/shellcheck") {
      try runSuccessfully(["shellcheck", store.root.appending("ast/inside/bin/systemctl").string])
    }
  }
}
