import FoundationEssentials
import SystemPackage
import TestSupport
import Testing

@Suite("auto-upgrade, check", .requiresRoot, .serialized)
struct UnattendedTests {
  private static let older = DebPackage("greeter")
  private static let newer = DebPackage("greeter", version: "2.0")
  private static let many = (10...20).map { DebPackage("many-\($0)") }

  private static let packages = Result { try PackageStore() }

  /// A new store for each test, because `check` is about all nodes; its base is from a shared one.
  private let store: TestStore
  private let node: PackageNode

  /// A node with the older package; the newer one has been published since.
  init() throws {
    store = TestStore(existing: try LoopBtrfs.shared.newDirectory())
    try store.ast("init", "--directory", try Self.packages.get().store.content(of: 0).string).expectSuccess()
    node = try PackageNode(in: store, publishing: [Self.older])
    try node.ast("install", "greeter").expectSuccess()
    try node.repository.publish([Self.newer])
  }

  private func expectCheck(
    _ status: Int32, _ state: String, _ words: String, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let check = try store.ast("check")
    #expect(check.status == status, "\(check)", sourceLocation: sourceLocation)
    let line = check.stdout.lines.first ?? ""
    #expect(line.hasPrefix("node \(node.id)  20"), "\(check)", sourceLocation: sourceLocation)
    #expect(line.contains("  \(state): \(words)"), "\(check)", sourceLocation: sourceLocation)
    #expect(try store.ast("check", "\(node.id)").stdout == check.stdout, sourceLocation: sourceLocation)
  }

  // MARK: What becomes of it

  @Test func nodeIsUpgradedAndTheResultKept() throws {
    #expect(try store.ast("check").expectSuccess().stdout == "No node was upgraded unattended yet.\n")
    let result = try node.ast("auto-upgrade").expectSuccess()
    #expect(result.stdout == "Node \(node.id): 1 upgraded, generation 4.\n")
    #expect(try node.added() == ["greeter:all 2.0"])
    #expect(try node.history().first?.kind == "auto-upgrade")
    try expectCheck(0, "auto-upgrade  done", "generation 4")
    let json = try store.ast("check", "--json").json["data"]["updates"]
    #expect(json.each("node") == [.number(Double(node.id))])
    #expect(json.each("state") == [.text("done")])
    try node.ast("auto-upgrade").expectSuccess()
    try expectCheck(0, "auto-upgrade  done", "nothing to do")
  }

  @Test func withoutANodeThereMustBeABootedOne() throws {
    let result = try store.ast("auto-upgrade")
    #expect(result.status == 5)
    #expect(
      result.said == [
        "ast: this system was not booted from \(store.root); nothing was changed", "     name a node",
      ])
    #expect(try store.ast("check").expectSuccess().stdout == "No node was upgraded unattended yet.\n")
  }

  @Test func baseIsRefusedAndNotCounted() throws {
    #expect(try store.ast("auto-upgrade", "0").status == 5)
    #expect(try store.ast("auto-upgrade", "99").status == 3)
    #expect(try store.ast("check").expectSuccess().stdout == "No node was upgraded unattended yet.\n")
    #expect(try store.ast("check", "99").status == 3)
  }

  @Test func removalBeyondTheLimitIsRefusedAndKept() throws {
    try node.repository.publish([Self.older] + Self.many)
    try node.store.ast(["install", "--refresh", "\(node.id)"] + Self.many.map(\.name)).expectSuccess()
    let hostile = DebPackage(
      "greeter", version: "2.0", fields: ["Conflicts": Self.many.map(\.name).joined(separator: ", ")])
    try node.repository.publish([hostile])
    let before = try node.state()
    #expect(try node.ast("auto-upgrade", "--yes").status == 5)
    let result = try node.ast("auto-upgrade")
    #expect(result.status == 5)
    #expect(result.said.first?.hasPrefix("ast: this would remove 11 packages (many-10, ") == true, "\(result)")
    try node.expectUntouched(since: before)
    try expectCheck(6, "auto-upgrade  failed", "this would remove 11 packages")
    try node.ast("auto-upgrade", "--max-removals", "11").expectSuccess()
    try expectCheck(0, "auto-upgrade  done", "generation")
  }

  @Test func failureBeforeAnythingWasDoneIsKept() throws {
    node.repository.server.stop()
    let result = try node.ast("auto-upgrade")
    #expect(result.status == 1)
    #expect(try node.added() == ["greeter:all 1.0"])
    let words = result.said.first?.dropFirst("ast: ".count) ?? ""
    try expectCheck(6, "auto-upgrade  failed", String(words))
    #expect(try store.ast("check", "--json").json["data"]["updates"].each("state") == [.text("failed")])
    try node.repository.server.start()
    try node.ast("auto-upgrade").expectSuccess()
    try expectCheck(0, "auto-upgrade  done", "generation")
  }

  @Test func busyNodeIsAFailure() throws {
    let work = try node.start("run", "sleep", "1000")
    try store.awaitProcess(named: "sleep", in: node.id)
    #expect(try node.ast("auto-upgrade").status == 4)
    try expectCheck(6, "auto-upgrade  failed", "node \(node.id) is busy")
    work.send(15)
    _ = try work.wait()
  }

  @Test func upgradeOfATreeCountsForEachNode() throws {
    let child = try node.branch()
    try child.loseSources()
    #expect(try node.ast("tree-upgrade").status == 6)
    let check = try store.ast("check")
    #expect(check.status == 6)
    #expect(check.stdout.lines.count == 2)
    #expect(check.stdout.lines.first?.contains("  tree-upgrade  done: generation") == true)
    #expect(check.stdout.lines.last?.contains("  tree-upgrade  failed: ") == true)
    try store.ast("check", "\(node.id)").expectSuccess()
  }

  @Test func upgradeThatIsUnderWayHasNotFailed() throws {
    var slow = Self.newer
    slow.scripts = [.postinst: "exec sleep 1000"]
    try node.repository.publish([slow])
    let upgrade = try node.start("auto-upgrade")
    try store.awaitProcess(named: "sleep", in: node.id)
    let check = try store.ast("check").expectSuccess()
    #expect(check.stdout.contains("  auto-upgrade  running: "), "\(check)")
    upgrade.send(9)
    _ = try upgrade.wait()
    try store.ast("tmp").expectSuccess()
    let after = try store.ast("check")
    #expect(after.status == 6)
    #expect(after.stdout.contains("  auto-upgrade  interrupted"))
  }

  // MARK: Nobody answers

  /// A package that asks in all possible ways, and records the answers.
  private static let asking = DebPackage(
    "asking", version: "2.0",
    files: [
      "/usr/share/asking/templates":
        "Template: asking/name\nType: string\nDefault: nobody\nDescription: Who are you?\n"
    ],
    conffiles: ["/etc/asking.conf": "loud=very\n"],
    scripts: [
      .preinst: """
      read answer && echo "standard input: $answer" >>/root/answers
      { read answer </dev/tty; } 2>/dev/null && echo "terminal: $answer" >>/root/answers
      yes many lines | head -n 5000 | "${PAGER:-more}" >/dev/null
      """,
      .postinst: """
      . /usr/share/debconf/confmodule
      db_x_loadtemplatefile /usr/share/asking/templates asking
      db_input critical asking/name || true
      db_go || true
      db_get asking/name
      echo "debconf: $RET" >>/root/answers
      """,
    ])

  private static let hooks = """
    DPkg::Pre-Invoke { "read answer && echo hook: $answer >>/root/answers || true"; };
    DPkg::Post-Invoke { "{ read answer </dev/tty; } 2>/dev/null && echo hook: $answer >>/root/answers || true"; };
    DPkg::Pre-Install-Pkgs { "cat >/dev/null; { read answer </dev/tty; } 2>/dev/null || true"; };
    """

  private func prepareQuestions() throws {
    try node.repository.publish([DebPackage("asking", conffiles: ["/etc/asking.conf": "loud=no\n"])])
    try node.ast("install", "--refresh", "asking").expectSuccess()
    try node.shell("echo loud=a-little >/etc/asking.conf")
    try node.shell("cat >/etc/apt/apt.conf.d/99asking <<'END'\n\(Self.hooks)\nEND")
    try node.repository.publish([Self.asking])
  }

  private func expectAnswered(sourceLocation: SourceLocation = #_sourceLocation) throws {
    #expect(try node.added() == ["asking:all 2.0", "greeter:all 1.0"], sourceLocation: sourceLocation)
    #expect(try node.text(of: "root/answers") == "debconf: nobody\n", sourceLocation: sourceLocation)
    #expect(try node.text(of: "etc/asking.conf") == "loud=a-little\n", sourceLocation: sourceLocation)
    #expect(try node.text(of: "etc/asking.conf.dpkg-dist") == "loud=very\n", sourceLocation: sourceLocation)
  }

  @Test(arguments: ["</dev/null", "<&-", "<&- 2>&-", "</dev/zero", "<>silence"])
  func questionsWithoutATerminalAreNotWaitedFor(streams: String) throws {
    try prepareQuestions()
    // A pipe that is also open for writing is silent and never ends.
    let script = "cd \"$1\" && mkfifo silence && exec \"$0\" auto-upgrade \(node.id) \(streams)"
    let command = try StartedCommand(
      ["setsid", "--wait", "sh", "-c", script, "\(AstBinary.path)", "\(try LoopBtrfs.shared.newDirectory())"],
      environment: plainEnvironment.merging(["AST_STORE": store.root.string]) { $1 })
    #expect(try command.wait().status == 0)
    try expectAnswered()
  }

  @Test func questionsOnATerminalAreNotWaitedForEither() throws {
    try prepareQuestions()
    let shell = try OuterShell(store)
    let shown = try shell.command("ast -y auto-upgrade \(node.id)")
    #expect(shown.last?.contains("Node \(node.id): 1 upgraded, generation ") == true, "\(shown)")
    try expectAnswered()
  }
}
