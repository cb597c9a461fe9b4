import DebianFormats
import FoundationEssentials
import Settings
import SnapshotTree
import SystemPackage
import TOMLFiles
import TestSupport
import Testing

@testable import Boot
@testable import Host
@testable import Packages
@testable import Store
@testable import Upkeep

/// Scheduled upgrades: settings, reboots, messages and power.
@Suite("Scheduled upgrade", .requiresRoot)
struct ScheduledUpgradeTests {
  private let store: Store
  private let directory: FilePath

  init() throws {
    let made = try TestStore()
    try made.ast("clone", "0").expectSuccess()
    directory = try LoopBtrfs.shared.newDirectory()
    let file = directory.appending("ast.toml")
    let reader = SettingsReader(machine: { try Settings(of: file) }) { machine, data, path in
      try machine.with(node: data, at: path)
    }
    store = try Store(opening: made.root, .writing, reader: reader)
    try store.tree.write { tree in
      for (id, state) in [(1, DeploymentState.good), (2, .trying)] {
        try tree.insert(
          Deployment(id: DeploymentID(id), node: .base, generation: GenerationNumber(1), created: Date(), state: state))
      }
      try tree.setDefaultDeployment(DeploymentID(2))
    }
  }

  /// Has the administrator choose these settings.
  private func settings(_ text: String) throws -> Settings {
    try Data(text.utf8).write(to: URL(filePath: directory.appending("ast.toml").string))
    return try store.settings
  }

  private func upgrade(_ text: String, on power: PowerSupply) throws -> ScheduledUpgrade {
    _ = try settings(text)
    return try store.upgradeScheduled(PackageOptions(), on: power, progress: { _, _ in }, note: { _ in })
  }

  @Test func onBatteryNothingIsBegun() throws {
    let text = "[updates]\nnodes = [1]\nminimum-free = \"0\"\n"
    let result = try upgrade(text, on: .battery)
    #expect(result.sentences == ["on battery: nothing was done"])
    #expect((result.exitStatus, result.nodes.count) == (0, 0))
    let noted = try #require(try store.lastScheduledUpgrade())
    #expect((noted.state, noted.message) == (.done, "on battery: nothing was done"))
    #expect(try upgrade(text, on: .mains).nodes.count == 1)
    #expect(try upgrade(text + "only-on-ac = false", on: .battery).nodes.count == 1)
  }

  @Test func aRebootWaitsForItsTime() throws {
    let never = try settings("").updates
    let needed = try settings("[updates]\nreboot = \"when-needed\"\nreboot-window = \"02:00-05:00\"").updates
    let (old, new) = (try store.tree.deployment(DeploymentID(1)), try store.tree.deployment(DeploymentID(2)))
    #expect(try store.reboot(needed, at: 180, running: old) == .now)
    #expect(try store.reboot(needed, at: 119, running: old) == .later(minute: 120))
    #expect(try store.reboot(needed, at: 300, running: old) == .later(minute: 120))
    #expect(try store.reboot(never, at: 180, running: old) == nil)
    #expect(try store.reboot(needed, at: 180, running: new) == nil)
    #expect(try store.reboot(needed, at: 180, running: nil) == nil)
    #expect(try store.waitingDeployment(running: old)?.id == DeploymentID(2))
    #expect(try store.waitingDeployment(running: new) == nil)
    // A running command.
    let lock = try store.lock(NodeID(1))
    _ = try store.change(holding: [NodeID(1)]) { try store.intend("run", on: NodeID(1), from: nil, to: nil) }
    #expect(try store.reboot(needed, at: 180, running: old) == .later(minute: 120))
    withExtendedLifetime(lock) {}
  }

  @Test func systemdIsAskedToReboot() throws {
    let got = directory.appending("got")
    for name in ["systemctl", "systemd-run"] {
      let program = directory.appending(name).string
      // Stopping a timer that does not exist fails.
      let script = "#!/bin/sh\necho \(name) \"$@\" >>'\(got)'; [ \"$2\" != stop ]\n"
      try Data(script.utf8).write(to: URL(filePath: program))
      try runSuccessfully(["chmod", "755", program])
    }
    try ScheduledUpgrade.Reboot.later(minute: 125).carryOut(with: directory)
    try ScheduledUpgrade.Reboot.now.carryOut(with: directory)
    #expect(
      try String(contentsOfFile: got.string, encoding: .utf8) == """
        systemctl --quiet stop ast-reboot.timer
        systemd-run --quiet --collect --unit=ast-reboot --on-calendar=*-*-* 02:05:00 -- /usr/sbin/ast reboot-waiting
        systemctl --no-block reboot

        """)
  }

  @Test func aDeploymentThatDidNotComeUpIsTold() throws {
    #expect(try store.failedDeployment() == nil)
    try store.tree.write { try $0.setState(.failed, of: DeploymentID(2), reason: "the web does not answer") }
    #expect(try store.failedDeployment()?.reason == "the web does not answer")
    try store.tree.write { tree in
      try tree.insert(
        Deployment(id: DeploymentID(3), node: .base, generation: GenerationNumber(1), created: Date(), state: .trying))
    }
    #expect(try store.failedDeployment() == nil)
  }

  // MARK: Messages

  @Test func whatFailedAndWhatWaitsIsTold() throws {
    let refused = UpdateNews(.failure(AstError(.noSpace, "there is no space")))
    #expect(refused.messageOfTheDay == "The last scheduled upgrade failed: `ast check` shows why.\n")
    #expect(refused.letter?.subject == "upgrade failed")
    #expect(refused.letter?.text == "there is no space")
    var done = ScheduledUpgrade()
    #expect(UpdateNews(.success(done)).messageOfTheDay == nil)
    #expect(UpdateNews(.success(done)).letter == nil)
    done.waiting = try store.tree.deployment(DeploymentID(2))
    #expect(UpdateNews(.success(done)).messageOfTheDay == "Deployment 2 of node 0 boots the next time.\n")
    #expect(UpdateNews(.success(done)).letter == nil)
    done.deployment = .failure(AstError(.refused, "it has no kernel"))
    #expect(UpdateNews(.success(done)).letter?.text == "nothing was deployed: it has no kernel")
    #expect(done.exitStatus == 5)
    done.nodes = [
      ScheduledUpgrade.NodeResult(node: NodeID(1), isCheck: true, outcome: .failure(AstError(.busy, "it is busy")))
    ]
    #expect(done.exitStatus == 6)
    #expect(done.sentences == ["node 1 failed: it is busy", "nothing was deployed: it has no kernel"])
    // No mail is sent if the archive cannot be reached.
    done.deployment = nil
    #expect(UpdateNews(.success(done)).letter == nil)
    #expect(UpdateNews(.success(done)).messageOfTheDay == "Deployment 2 of node 0 boots the next time.\n")
    #expect(done.exitStatus == 4)
    done.nodes = []
    #expect(done.exitStatus == 0)
    done.rebootFailure = AstError(.failed, "systemctl failed")
    #expect(done.exitStatus == 1)
    #expect(done.failures.isEmpty)
  }

  @Test func theMessageOfTheDayNamesTheNodesThatCanBeUpgraded() {
    var done = ScheduledUpgrade()
    for (node, count) in [(1, 2), (3, 1), (4, 0)] {
      let steps = (0..<count).map {
        PackageStep(name: "p\($0)", architecture: "amd64", kind: .upgrade, from: "1", to: "2", isAutomatic: false)
      }
      let plan = PackagePlan(
        steps: steps, marks: [], downloads: [], downloadSize: 0, installSize: 0, essential: [], held: [],
        notUpgraded: [], keptBack: [], reasons: [], present: [], unneeded: [], securityUpdates: [],
        isSecurityOnly: node == 3, requested: [])
      done.nodes.append(.init(node: NodeID(node), isCheck: true, outcome: .success(.checked(plan))))
    }
    #expect(
      UpdateNews(.success(done)).messageOfTheDay == """
        2 packages of node 1 can be upgraded: run `ast upgrade 1`.
        1 package of node 3 can be upgraded: run `ast upgrade --security 3`.

        """)
    #expect(UpdateNews(.success(done)).letter == nil)
  }

  @Test func mailGoesToSendmailWhereThereIsOne() throws {
    let (program, got) = (directory.appending("sendmail"), directory.appending("mail"))
    let mail = Mail(to: "ops@example.org", about: "a subject", "line 1\nline 2")
    try mail.send(through: program)
    let script = "#!/bin/sh\nprintf '<%s>' \"$@\" >'\(got)'; cat >>'\(got)'\n"
    try Data(script.utf8).write(to: URL(filePath: program.string))
    try runSuccessfully(["chmod", "755", program.string])
    try mail.send(through: program)
    #expect(
      try String(contentsOfFile: got.string, encoding: .utf8) == """
        <-i><--><ops@example.org>To: ops@example.org
        Subject: a subject
        Auto-Submitted: auto-generated
        Content-Type: text/plain; charset=utf-8

        line 1
        line 2

        """)
    try Data("#!/bin/sh\necho no >&2; exit 1\n".utf8).write(to: URL(filePath: program.string))
    // More than a pipe holds, and nothing reads it.
    let long = Mail(to: "root", about: "a subject", String(repeating: "x", count: 1 << 20))
    #expect(throws: AstError(.failed, "`\(program)` failed (exit status 1): no")) { try long.send(through: program) }
  }

  // MARK: The power

  /// Supplies with their type, scope, online and status, and whether the machine is on battery.
  @Test(arguments: [
    ([], false),
    (["AC Mains - 1 -", "BAT0 Battery - - Charging"], false),
    (["AC Mains - 0 -", "BAT0 Battery - - Discharging"], true),
    (["AC Mains - 0 -", "BAT0 Battery System - Discharging", "UCSI USB - 1 -"], false),
    (["AC Mains - 1 -", "BAT0 Battery - - Discharging"], false),
    (["BAT0 Battery - - Discharging"], true), (["BAT0 Battery - - Full"], false),
    (["AC Mains - 0 -"], false), (["mouse Battery Device - Discharging"], false),
  ])
  func powerSupplies(supplies: [String], isOnBattery: Bool) throws {
    for supply in supplies {
      let words = supply.split(separator: " ").map(String.init)
      let place = directory.appending(words[0])
      try runSuccessfully(["mkdir", place.string])
      for (name, value) in zip(["type", "scope", "online", "status"], words.dropFirst()) where value != "-" {
        try Data("\(value)\n".utf8).write(to: URL(filePath: place.appending(name).string))
      }
    }
    #expect(PowerSupply(in: directory) == (isOnBattery ? .battery : .mains))
  }
}
