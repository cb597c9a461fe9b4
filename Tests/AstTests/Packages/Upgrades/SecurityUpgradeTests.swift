import FoundationEssentials
import SystemPackage
import TestSupport
import Testing

@Suite("upgrade --security", .requiresRoot, .serialized)
struct SecurityUpgradeTests {
  private static let old = ["app", "grown", "kept", "needy", "other", "plain", "rival"]
  private static let updates = [
    DebPackage("app", version: "1:1.1", fields: ["Phased-Update-Percentage": "0"]), DebPackage("kept", version: "1.1"),
    DebPackage("grown", version: "1.1", fields: ["Depends": "fresh"]), DebPackage("fresh", version: "1.1"),
    DebPackage("needy", version: "1.1", fields: ["Depends": "onlymain"]),
    DebPackage("rival", version: "1.1", fields: ["Conflicts": "other"]),
  ]

  /// A node with old packages. Since then security updates were published, and newer packages in the main archive.
  private static let made = Result {
    let node = try PackageNode(in: try PackageStore(), publishing: old.map { DebPackage($0) })
    try node.store.ast(["install", "\(node.id)"] + old).expectSuccess()
    let security = try AptRepository(
      suite: "\(DebianRoot.suite)-security", origin: "Debian", label: "Debian-Security")
    try security.publish(updates)
    try node.store.ast(
      ["-q", "run", "\(node.id)", "sh", "-c", "cat >\(file)"], input: security.sources
    ).expectSuccess()
    try node.repository.publish(
      ["app", "plain", "kept"].map { DebPackage($0, version: "1:2.0") } + [DebPackage("onlymain"), DebPackage("other")])
    try node.ast("hold", "kept").expectSuccess()
    return (node: node, security: security)
  }

  private static let file = "/etc/apt/sources.list.d/security.sources"

  let node: PackageNode

  init() throws { node = try Self.made.get().node.clone() }

  /// The packages after the upgrade.
  private static let upgraded = [
    "app:all 1:1.1", "fresh:all 1.1", "grown:all 1.1", "kept:all 1.0", "needy:all 1.0", "other:all 1.0",
    "plain:all 1.0", "rival:all 1.0",
  ]

  private static let reasons = [
    ("kept", "on hold"), ("needy", "needs onlymain 1.0, which is not a security update"),
    ("rival", "would remove other"),
  ]

  private static let keptBack = "kept back: " + reasons.map { "\($0) 1.1 (\($1))" }.joined(separator: ", ")

  @Test func onlySecurityUpdatesAreInstalledAndTheOthersNamed() throws {
    let result = try node.ast("upgrade", "--security").expectSuccess()
    #expect(result.stdout == "Node \(node.id): 2 upgraded, 1 installed, generation 2; \(Self.keptBack).\n")
    #expect(try node.history().first?.kind == "upgrade")
    #expect(try node.added() == Self.upgraded)
    #expect(try node.automatic().contains("fresh"))
    let before = try node.state()
    let again = try node.ast("upgrade", "--security").expectSuccess()
    #expect(again.stdout == "Node \(node.id): nothing to do; \(Self.keptBack).\n")
    try node.expectUntouched(since: before)
    // Everything else waits for an upgrade of all packages.
    try node.ast("upgrade").expectSuccess()
    #expect(try node.added().contains("app:all 1:2.0"))
  }

  @Test func simulationShowsWhatIsKeptBackAndWhy() throws {
    let before = try node.state()
    let plan = try node.ast("upgrade", "--security", "-n").expectSuccess().stdout.lines
    #expect(
      plan.dropLast() == [
        "Would be upgraded (2):", "  app    1.0 -> 1:1.1", "  grown  1.0 -> 1.1",
        "Would be installed as dependencies (1):",
        "  fresh  1.1", "Kept back (3):",
      ] + Self.reasons.map { "  \($0) 1.1: \($1)" })
    let json = try node.ast("upgrade", "--security", "-n", "--json").expectSuccess().json["data"]
    #expect(json["keptBackPackages"] == .array(Self.reasons.map { .text($0.0) }))
    #expect(json["keptBackReasons"].each("reason") == Self.reasons.map { .text($0.1) })
    #expect(json["keptBackReasons"][0].keys == ["name", "reason", "version"])
    try node.expectUntouched(since: before)
  }

  @Test func treeIsUpgradedToSecurityUpdates() throws {
    let child = try node.branch()
    try child.ast("unhold", "kept").expectSuccess()
    let result = try node.ast("tree-upgrade", "--security").expectSuccess()
    #expect(result.stdout.lines[0] == "Tree \(node.id): 2 of 2 nodes done")
    #expect(result.stdout.lines[1].hasSuffix("  2 upgraded, 1 installed, generation 2; \(Self.keptBack)"))
    #expect(result.stdout.lines[2].contains("  3 upgraded, 1 installed, generation 3; kept back: needy 1.1 (needs "))
    #expect(try node.added() == Self.upgraded)
    #expect(try child.added() == Self.upgraded.map { $0 == "kept:all 1.0" ? "kept:all 1.1" : $0 })
    #expect(try node.history().first?.kind == "tree-upgrade")
  }

  @Test func scheduledUpgradeIsOfSecurityUpdatesIfTheSettingsSaySo() throws {
    let file = try TestSettings.file()
    func upgrade(_ policy: String, _ only: String) throws -> CommandResult {
      let text = """
        [updates]
        policy = "\(policy)"
        only = "\(only)"
        nodes = [\(node.id)]
        minimum-free = "0"
        only-on-ac = false
        """
      try Data(text.utf8).write(to: URL(filePath: file.string))
      return try node.store.ast(["auto-upgrade", "--scheduled"], environment: ["AST_CONFIG": file.string])
    }
    let check = try upgrade("check", "security").expectSuccess()
    #expect(check.stdout == "node \(node.id): 3 packages can be changed; \(Self.keptBack)\n")
    let done = try upgrade("stage", "security").expectSuccess()
    #expect(done.stdout == "node \(node.id): upgraded, generation 2; \(Self.keptBack)\n")
    #expect(try node.added() == Self.upgraded)
    #expect(try upgrade("stage", "some").status == 2)
    // The node's own setting wins.
    try node.shell("mkdir -p /etc/ast; echo 'updates.only = \"security\"' >/etc/ast/node.toml")
    #expect(try upgrade("stage", "all").expectSuccess().stdout == "node \(node.id): nothing to do; \(Self.keptBack)\n")
  }

  @Test func unattendedUpgradeOfANodeTakesTheOption() throws {
    try node.ast("auto-upgrade", "--security").expectSuccess()
    #expect(try node.added() == Self.upgraded)
    #expect(try node.store.ast("auto-upgrade", "--scheduled", "--security").status == 2)
    for verb in ["upgrade", "tree-upgrade", "auto-upgrade"] {
      #expect(try node.ast(verb, "--security", "--auto-remove").status == 2)
    }
  }

  @Test func nodeWithoutSecurityUpdatesIsRefused() throws {
    // The security updates of another release are not for this one.
    for script in ["sed -i 's/^VERSION_CODENAME=.*/VERSION_CODENAME=other/' /usr/lib/os-release", "rm \(Self.file)"] {
      let other = try Self.made.get().node.clone()
      try other.shell(script)
      let before = try other.state()
      let result = try other.ast("upgrade", "--security")
      #expect(result.status == 5, "\(result)")
      #expect(result.said.first?.hasPrefix("ast: node \(other.id) has no source of security updates for ") == true)
      try other.expectUntouched(since: before)
    }
  }

  @Test func packageOfTheNodesPreferencesIsNotTakenInstead() throws {
    // The administrator's preference for the main archive's version of a package does not count here, but one against
    // the security update does.
    try node.shell("printf 'Package: app\\nPin: version 1:2.0\\nPin-Priority: 900\\n' >/etc/apt/preferences")
    try node.shell("printf 'Package: grown\\nPin: version 1.1\\nPin-Priority: -1\\n' >/etc/apt/preferences.d/grown")
    try node.ast("upgrade", "--security").expectSuccess()
    #expect(
      try node.added().filter { $0.hasPrefix("app") || $0.hasPrefix("grown") } == ["app:all 1:1.1", "grown:all 1.0"])
  }
}
