import FoundationEssentials
import SystemPackage
import TestSupport
import Testing

@Suite("auto-upgrade --scheduled", .requiresRoot, .serialized)
struct ScheduledUpgradeTests {
  private static let older = DebPackage("greeter")
  private static let newer = DebPackage("greeter", version: "2.0")
  private static let broken = DebPackage("greeter", version: "3.0", scripts: [.postinst: "exit 9"])

  private static let packages = Result { try PackageStore() }

  private let store: TestStore
  private let node: PackageNode
  private let file: FilePath

  /// A node with the older package; the newer one has been published since.
  init() throws {
    store = TestStore(existing: try LoopBtrfs.shared.newDirectory())
    try store.ast("init", "--directory", try Self.packages.get().store.content(of: 0).string).expectSuccess()
    node = try PackageNode(in: store, publishing: [Self.older])
    try node.ast("install", "greeter").expectSuccess()
    try node.repository.publish([Self.newer])
    file = try TestSettings.file()
  }

  private func ast(_ arguments: String..., settings: String) throws -> CommandResult {
    try Data(settings.utf8).write(to: URL(filePath: file.string))
    return try store.ast(arguments, environment: ["AST_CONFIG": file.string])
  }

  private func upgrade(_ settings: String) throws -> CommandResult {
    try ast("auto-upgrade", "--scheduled", settings: settings)
  }

  private func settings(
    _ policy: String, _ more: String = "", nodes: [Int]? = nil, minimumFree: String = "0"
  ) -> String {
    """
    [updates]
    policy = "\(policy)"
    nodes = \(nodes ?? [node.id])
    minimum-free = "\(minimumFree)"
    only-on-ac = false
    \(more)
    """
  }

  private func expectCheck(
    _ status: Int32, _ state: String, _ words: String, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let check = try store.ast("check")
    #expect(check.status == status, "\(check)", sourceLocation: sourceLocation)
    let line = check.stdout.lines.last ?? ""
    #expect(line.hasPrefix("scheduled  20"), "\(check)", sourceLocation: sourceLocation)
    #expect(line.hasSuffix("  \(state): \(words)"), "\(check)", sourceLocation: sourceLocation)
    let json = try store.ast("check", "--json").json["data"]
    #expect(json.keys == ["failed", "refusedKey", "scheduled", "updates", "waiting"], sourceLocation: sourceLocation)
    #expect(json["scheduled"]["message"] == .text(words), sourceLocation: sourceLocation)
  }

  // MARK: Policies

  @Test func offDoesNothing() throws {
    let before = try node.state()
    let result = try upgrade(settings("off")).expectSuccess()
    #expect(result.stdout == "Nothing to do: updates.policy is off.\n")
    #expect(try node.state() == before)
    #expect(try store.ast("check").expectSuccess().stdout == "No node was upgraded unattended yet.\n")
  }

  @Test func checkCountsAndChangesNothing() throws {
    let before = try node.state()
    let result = try upgrade(settings("check")).expectSuccess()
    #expect(result.stdout == "node \(node.id): 1 package can be changed\n")
    try expectCheck(0, "done", "node \(node.id): 1 package can be changed")
    try node.expectUntouched(since: before)
    try node.ast("upgrade").expectSuccess()
    let again = try ast("auto-upgrade", "--scheduled", "--json", settings: settings("check")).expectSuccess()
    #expect(again.stderr == "")
    let data = try again.json["data"]
    #expect(data.keys == ["deployment", "failures", "nodes", "reboot", "skipped", "waiting"])
    #expect(data["nodes"][0].keys == ["available", "clone", "error", "generation", "node", "result"])
    #expect(data["nodes"][0]["available"] == .number(0))
    try expectCheck(0, "done", "node \(node.id) is up to date")
  }

  @Test func stageUpgradesTheNode() throws {
    let result = try upgrade(settings("stage")).expectSuccess()
    #expect(result.stdout == "node \(node.id): upgraded, generation 4\n")
    #expect(try node.added() == ["greeter:all 2.0"])
    #expect(try node.history().first?.kind == "auto-upgrade")
    try expectCheck(0, "done", "node \(node.id): upgraded, generation 4")
    #expect(try upgrade(settings("stage")).expectSuccess().stdout == "node \(node.id): nothing to do\n")
    #expect(try store.ast("deployments").stdout == "Nothing is deployed.\n")
    try node.ast("undo").expectSuccess()
    #expect(try node.added() == ["greeter:all 1.0"])
  }

  @Test func whatIsBelowANodeIsUpgradedToo() throws {
    let child = try node.branch()
    let other = try node.clone()
    #expect(
      try upgrade(settings("stage", "tree = true")).expectSuccess().stdout.lines == [
        "node \(node.id): upgraded, generation 4", "node \(child.id): upgraded, generation 2",
      ])
    #expect(try child.added() == ["greeter:all 2.0"])
    #expect(try other.added() == ["greeter:all 1.0"])
  }

  @Test func withoutANodeThereIsOneThatRuns() throws {
    let result = try upgrade("updates = { policy = \"stage\", only-on-ac = false, minimum-free = \"0\" }")
    #expect(result.status == 5)
    let words = "updates.nodes does not name a node, and no node is booted or the default; nothing was changed"
    #expect(result.said.first == "ast: \(words)")
    try expectCheck(1, "failed", words)
    #expect(try ast("auto-upgrade", "--scheduled", "\(node.id)", settings: "").status == 2)
    #expect(try ast("auto-upgrade", "--simulate", "\(node.id)", settings: "").status == 2)
  }

  @Test(arguments: ["", "tree = true"])
  func aNodeThatIsNotThereStopsNoOther(more: String) throws {
    let result = try upgrade(settings("stage", more, nodes: [99, node.id]))
    #expect(result.status == 6)
    #expect(
      result.stdout.lines == [
        "node 99 failed: there is no node 99", "node \(node.id): upgraded, generation 4",
      ])
  }

  // MARK: A node's own settings

  @Test func aNodeCanHaveItsOwnPolicy() throws {
    let other = try node.clone()
    try node.shell("mkdir -p /etc/ast; echo 'updates.policy = \"off\"' >/etc/ast/node.toml")
    let result = try upgrade(settings("stage", nodes: [node.id, other.id])).expectSuccess()
    #expect(result.stdout == "node \(other.id): upgraded, generation 2\n")
    #expect(try node.added() == ["greeter:all 1.0"])
  }

  @Test func aNodeWithWrongSettingsFailsAndNoOther() throws {
    let other = try node.clone()
    try node.shell("mkdir -p /etc/ast; printf '[updates]\\npolcy = 1\\n' >/etc/ast/node.toml")
    let result = try upgrade(settings("stage", nodes: [node.id, other.id]))
    #expect(result.status == 6)
    let place = try node.content.appending("etc/ast/node.toml")
    #expect(
      result.stdout.lines == [
        "node \(node.id) failed: \(place): line 2, column 1: there is no setting updates.polcy",
        "node \(other.id): upgraded, generation 2",
      ])
    #expect(try store.ast("check").status == 1)
  }

  // MARK: What fails

  @Test func aBrokenUpdateLeavesTheNodeAndCheckSaysWhy() throws {
    try node.repository.publish([Self.broken])
    let before = try node.state()
    let result = try upgrade(settings("stage", "clone-before = true"))
    #expect(result.status == 1, "\(result)")
    #expect(result.stdout.hasPrefix("node \(node.id) failed: "))
    try node.expectUntouched(since: before)
    // The clone was deleted after the failure.
    #expect(try store.ast("tree", "--json").json["data"].elements.count == 2)
    let check = try store.ast("check")
    #expect(check.status == 6)
    #expect(check.stdout.lines.count == 2)
    #expect(check.stdout.lines.first?.contains("  auto-upgrade  failed: ") == true, "\(check)")
    #expect(check.stdout.lines.last?.contains("  failed: node \(node.id) failed: ") == true, "\(check)")
    try node.repository.publish([Self.newer])
    try upgrade(settings("stage")).expectSuccess()
    try expectCheck(0, "done", "node \(node.id): upgraded, generation 4")
  }

  @Test func withLittleSpaceNothingIsBegun() throws {
    let before = try node.state()
    let result = try upgrade(settings("stage", minimumFree: "900T"))
    #expect(result.status == 7)
    #expect(result.stderr.contains("updates.minimum-free is 943718400 MiB; nothing was changed"), "\(result)")
    try node.expectUntouched(since: before)
    let check = try store.ast("check")
    #expect(check.status == 1)
    #expect(check.stdout.contains("  failed: "), "\(check)")
    #expect(check.stdout.contains("; nothing was changed\n"), "\(check)")
    // A check needs no space.
    try upgrade(settings("check", minimumFree: "900T")).expectSuccess()
  }

  @Test func wrongSettingsKeepNothingElseFromWorking() throws {
    let wrong = "[gc]\nkeep-generations = 1\nkeep-day = 5\n"
    let words = "\(file): line 3, column 1: there is no setting gc.keep-day"
    let result = try upgrade(wrong)
    #expect(result.status == 2)
    #expect(result.said == ["ast: \(words)", "     see ast.toml(5)"])
    try expectCheck(1, "failed", words)
    for verb in [["tree"], ["status"], ["check", "\(node.id)"], ["history"]] {
      #expect(try store.ast(verb, environment: ["AST_CONFIG": file.string]).status == 0, "\(verb)")
    }
    let gc = try ast("gc", "-y", settings: wrong)
    #expect((gc.status, gc.said.first) == (2, "ast: \(words)"))
    // A node can be changed, and old generations stay, because the file may say so.
    let generations = try store.generations(of: node.id)
    let changed = try ast("run", "\(node.id)", "touch", "/x", settings: wrong)
    #expect(changed.status == 0)
    #expect(
      changed.said.prefix(2) == [
        "ast: warning: no network for this transaction: \(words); see ast.toml(5)",
        "ast: warning: \(words); no old generations or deployments are deleted",
      ])
    #expect(try store.generations(of: node.id) == generations + [4])
  }

  // MARK: Clones

  @Test func theNodeIsClonedBeforeItChanges() throws {
    let result = try upgrade(settings("stage", "clone-before = true")).expectSuccess()
    #expect(result.stdout == "node \(node.id): upgraded, generation 4, cloned before as node \(node.id + 1)\n")
    #expect(try store.ast("list", "\(node.id + 1)").stdout.contains("greeter:all 1.0\n"))
    let description = try store.ast("info", "\(node.id + 1)").expectSuccess().stdout.lines.first ?? ""
    #expect(description.contains("node \(node.id) before the upgrade of 20"), "\(description)")
    try upgrade(settings("stage", "clone-before = true")).expectSuccess()
    #expect(try store.ast("tree", "--json").json["data"].elements.count == 3)
  }

  // MARK: Deployments

  @Test func theNodeThatBootsIsDeployedOnceForEachUpgrade() throws {
    let disk = try BootDisk(withDebianOf: 3 << 30)
    let store = disk.store
    let node = try PackageNode(in: store, publishing: [Self.older])
    try store.ast(["run", "\(node.id)", "sh", "-ec", BootDisk.furnishing]).expectSuccess()
    try node.ast("install", "greeter").expectSuccess()
    try node.ast("deploy").expectSuccess()
    try node.repository.publish([Self.newer])
    let settings = settings("deploy", nodes: [])
    func upgrade() throws -> [String] {
      try Data(settings.utf8).write(to: URL(filePath: file.string))
      return try store.ast(["auto-upgrade", "--scheduled"], environment: ["AST_CONFIG": file.string])
        .expectSuccess().stdout.lines
    }
    #expect(try upgrade() == ["node \(node.id): upgraded, generation 5", "node \(node.id) is deployment 2"])
    #expect(try upgrade() == ["node \(node.id): nothing to do"])
    // After a rollback, the upgraded generation is not deployed again.
    try store.ast("rollback", "--to", "1").expectSuccess()
    #expect(try upgrade() == ["node \(node.id): nothing to do"])
    try node.ast("undo").expectSuccess()
    let undone = try upgrade()
    #expect(undone.count == 2, "\(undone)")
    #expect(try DeploymentListing(store).data.map(\.generation) == [6, 5, 4])
  }
}
