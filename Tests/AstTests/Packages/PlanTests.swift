import SystemPackage
import TestSupport
import Testing

@Suite("Plans, questions and progress", .requiresRoot, .serialized)
struct PlanTests {
  private static let shelf = DebPackage(
    "library", files: ["/usr/share/library": .init(String(repeating: "x", count: 5000))])
  private static let tool = DebPackage("tool", fields: ["Depends": "library"], files: ["/usr/share/tool": "hammer\n"])
  private static let greeter = DebPackage("greeter", files: ["/usr/share/greeter": "hello\n"])
  private static let newGreeter = DebPackage("greeter", version: "2.0", files: ["/usr/share/greeter": "welcome\n"])
  private static let rival = DebPackage("rival", fields: ["Conflicts": "greeter"])

  /// A node that has the older greeter.
  private static let made = Result {
    let node = try PackageNode(in: PackageStore(publishing: [shelf, tool, greeter, newGreeter, rival]))
    try node.ast("install", "greeter=1.0").expectSuccess()
    return node
  }

  let node: PackageNode

  init() throws { node = try Self.made.get().clone() }

  // MARK: Simulation

  @Test(arguments: ["--simulate", "-n"])
  func simulationShowsThePlanAndChangesNothing(option: String) throws {
    let before = try node.store.state()
    let result = try node.ast("install", option, "tool", "rival").expectSuccess()
    #expect(
      result.stdout.lines.dropLast() == [
        "Would be removed (1):", "  greeter  1.0", "Would be installed (2):", "  rival  1.0", "  tool   1.0",
        "Would be installed as dependencies (1):", "  library  1.0",
      ])
    #expect(result.stdout.lines.last?.contains("to download, ") == true)
    #expect(result.stderr == "")
    #expect(try node.store.state() == before)
    for package in [Self.shelf, Self.tool, Self.rival] { #expect(node.sent(package) == 0) }
  }

  @Test func simulationInJSONHasAllThatAProgramNeeds() throws {
    let before = try node.store.state()
    let result = try node.ast("install", "-n", "--json", "tool", "greeter").expectSuccess()
    #expect(result.stderr == "")
    #expect(try result.json["transaction"] == .null)
    let plan = try result.json["data"]
    #expect(
      plan.keys == [
        "downgradedCount", "downgradedPackages", "downloadSize", "essentialPackages", "extraInstalled", "heldPackages",
        "installSize", "keptBackCount", "keptBackPackages", "keptBackReasons", "markedPackages", "newInstalledCount",
        "newInstalledPackages", "node",
        "notUpgradedCount", "removedCount", "removedPackages", "upgradedCount", "upgradedPackages",
      ])
    #expect(plan["node"] == .number(Double(node.id)))
    #expect(
      plan["upgradedPackages"]
        == .array([
          .object([
            "name": .text("greeter"), "architecture": .text(try AptRepository.architecture), "action": .text("upgrade"),
            "oldVersion": .text("1.0"), "newVersion": .text("2.0"), "automatic": .bool(false),
          ])
        ]))
    #expect(plan["newInstalledPackages"].each("name") == [.text("library"), .text("tool")])
    #expect(plan["newInstalledPackages"].each("automatic") == [.bool(true), .bool(false)])
    #expect(plan["newInstalledPackages"].each("oldVersion") == [.null, .null])
    #expect(plan["extraInstalled"].each("name") == [.text("library")])
    #expect(plan["upgradedCount"] == .number(1))
    #expect(plan["newInstalledCount"] == .number(2))
    #expect(plan["removedCount"] == .number(0))
    let archives = [Self.shelf, Self.tool, Self.newGreeter].map {
      node.repository.directory.appending(node.repository.path(of: $0)).string
    }
    let sizes = try runSuccessfully(["stat", "--format=%s"] + archives).lines.compactMap { Double($0) }
    #expect(plan["downloadSize"] == .number(sizes.reduce(0, +)))
    // By the packages' installed sizes in KiB: 5 and 1 are added, the new greeter is as large as the old one.
    #expect(plan["installSize"] == .number(6 * 1024))
    #expect(try node.store.state() == before)
  }

  @Test func simulationOfWhatCannotBeIsRefused() throws {
    #expect(try node.ast("install", "-n", "no-such-package").status == 3)
    #expect(try node.store.ast("upgrade", "-n", "4711").status == 3)
    let essential = try node.ast("remove", "-n", "dpkg").expectSuccess()
    #expect(essential.stdout.contains("WARNING: these packages are essential: dpkg\n"), "\(essential)")
  }

  @Test func whatAnUpgradeKeepsBackIsShown() throws {
    try node.shell("apt-mark hold greeter")
    #expect(try node.ast("upgrade", "-n").stdout == "Nothing to do.\nKept back (1):\n  greeter\n")
    #expect(try node.ast("upgrade", "-n", "--json").json["data"]["keptBackPackages"][0] == .text("greeter"))
    // This is not an upgrade.
    #expect(try !node.ast("install", "-n", "tool").expectSuccess().stdout.contains("greeter"))
  }

  @Test func manyPackagesAreShownByName() throws {
    let many = (10..<50).map { DebPackage("package-\($0)") }
    let node = try PackageNode(in: PackageStore(publishing: many))
    let plan = try node.store.ast(["install", "\(node.id)", "-n"] + many.map(\.name)).expectSuccess().stdout.lines
    #expect(plan[0] == "Would be installed (40):")
    #expect(plan.dropFirst().dropLast().allSatisfy { $0.hasPrefix("  package-") && $0.count <= 80 })
    #expect(plan.dropFirst().dropLast().joined().split(separator: " ").count == 40)
  }

  // MARK: The question

  private func terminal(_ words: String...) throws -> PseudoTerminal {
    try PseudoTerminal(
      [AstBinary.path.string] + words,
      environment: plainEnvironment.merging(
        ["AST_STORE": node.store.root.string, "TERM": "xterm", "NO_COLOR": "1"]) { $1 })
  }

  @Test(arguments: ["n\n", "no\n", "what?\n", "\u{4}"])
  func whoeverDoesNotAgreeChangesNothing(answer: String) throws {
    let before = try node.state()
    let terminal = try terminal("install", "\(node.id)", "tool")
    #expect(
      try terminal.expect("Change node \(node.id)? [Y/n] ", timeout: 60).contains(
        "Will be installed (1):\r\n  tool  1.0"))
    try terminal.send(answer)
    try terminal.expect("ast: not confirmed; nothing was changed\r\n")
    #expect(try terminal.waitForExit() == 1)
    #expect(node.sent(Self.tool) == 0)
    try node.expectUntouched(since: before)
  }

  @Test(arguments: ["\n", "y\n", "YES\n"])
  func whoeverAgreesGetsIt(answer: String) throws {
    let terminal = try terminal("remove", "\(node.id)", "greeter")
    try terminal.expect("Change node \(node.id)? [Y/n] ", timeout: 60)
    try terminal.send(answer)
    try terminal.expect("Node \(node.id): 1 removed, generation 2.\r\n", timeout: 60)
    #expect(try terminal.waitForExit() == 0)
  }

  @Test func nobodyIsAskedWhoHasAgreed() throws {
    let terminal = try terminal("-y", "remove", "\(node.id)", "greeter")
    let shown = try terminal.expect("Node \(node.id): 1 removed, generation 2.\r\n", timeout: 60)
    #expect(!shown.contains("[Y/n]"))
    // Progress is redrawn in one line, which is removed at the end.
    #expect(shown.contains("\r[") && shown.contains("%"), "\(shown.debugDescription)")
    #expect(shown.hasSuffix("\r\u{1B}[K"), "\(shown.debugDescription)")
    #expect(try terminal.waitForExit() == 0)
  }

  @Test func controlCAtTheQuestionChangesNothing() throws {
    let before = try node.state()
    let terminal = try terminal("install", "\(node.id)", "tool")
    try terminal.expect("[Y/n] ", timeout: 60)
    try terminal.send("\u{3}")
    #expect(try terminal.waitForExit() == 130)
    // The next command removes the workspace of a command that died.
    try node.expectUntouched(since: before)
  }

  // MARK: Progress

  @Test func progressIsInLinesOfJSON() throws {
    let result = try node.ast("install", "--json", "--refresh", "--progress", "json", "tool").expectSuccess()
    #expect(try result.json["data"]["generation"] == .number(2))
    let all = try result.saidInJSON
    #expect(
      all.first.map { $0.keys }
        == [
          "apiVersion", "cancellable", "command", "event", "node", "operation", "pid", "processStarted", "started",
          "store", "transaction", "user",
        ])
    #expect(all.first?["event"] == .text("started"))
    #expect(all.last?.keys == ["error", "event", "result", "status", "transaction"])
    #expect(all.last?["event"] == .text("finished") && all.last?["status"] == .number(0))
    #expect(try all.last?["result"] == result.json["data"])
    #expect(try all.last?["transaction"] == result.json["transaction"])
    let lines = all.dropFirst().dropLast().filter { $0["event"] != .text("output") }
    #expect(lines.allSatisfy { $0["event"] == .text("progress") })
    #expect(all.dropLast().allSatisfy { $0["event"] == .text("output") || $0["node"] == .number(Double(node.id)) })
    #expect(zip(lines, lines.dropFirst()).allSatisfy { $0 != $1 })
    #expect(
      lines.allSatisfy { line in
        line.keys == [
          "cancellable", "done", "event", "fraction", "message", "node", "nodes", "nodesDone", "overall", "package",
          "rate", "secondsLeft", "state", "total", "transaction",
        ]
      })
    let wholes = lines.compactMap { if case .number(let whole) = $0["overall"] { whole } else { nil } }
    #expect(wholes == wholes.sorted() && wholes.count == lines.count && wholes.last == 0.95, "\(wholes)")
    #expect(lines.allSatisfy { $0["cancellable"] == .bool($0["state"] != .text("committing")) })
    let fetched = lines.filter { $0["state"] == .text("downloading") }
    #expect(fetched.allSatisfy { $0["total"] == fetched[0]["total"] && $0["total"] != .null }, "\(fetched)")
    #expect(fetched.last?["done"] == fetched.last?["total"], "\(fetched)")
    var states: [JSON] = []
    for line in lines where states.last != line["state"] { states.append(line["state"]) }
    #expect(
      states
        == ["refreshing", "planning", "downloading", "working", "verifying", "committing"].map { .text($0) })
    for state in ["downloading", "working"] {
      let fractions = lines.filter { $0["state"] == .text(state) }.compactMap { line in
        if case .number(let fraction) = line["fraction"] { fraction } else { nil }
      }
      #expect(fractions.count == lines.count { $0["state"] == .text(state) })
      #expect(fractions == fractions.sorted(), "\(state)")
      #expect(fractions.allSatisfy { (0...1).contains($0) && "\($0)".count <= 5 }, "\(fractions)")
      #expect(fractions.last ?? 0 > 0.8, "\(fractions)")
    }
    let worked = lines.filter { $0["state"] == .text("working") }.map { $0["package"] }
    // Steps in quick succession are left out, but not the last one.
    #expect(worked.last == .text("tool"), "\(worked)")
  }

  @Test func progressInJSONStandsAlone() throws {
    let result = try node.ast("install", "--progress", "json", "tool").expectSuccess()
    #expect(result.stdout == "Node \(node.id): 2 installed, generation 2.\n")
    let lines = try result.saidInJSON
    #expect(lines.dropFirst().first?["state"] == .text("planning"))
  }

  @Test func programsAreShownNoProgress() throws {
    let result = try node.ast("install", "tool").expectSuccess()
    #expect(!result.stderr.contains("\r") && !result.stderr.contains("\u{1B}") && !result.stderr.contains("%"))
    let quiet = try node.ast("remove", "-q", "tool").expectSuccess()
    #expect(quiet.stderr == "")
    #expect(quiet.stdout.hasPrefix("Node \(node.id): 1 removed, generation 3; nothing needs 1 package any more"))
  }

  @Test func unknownProgressFormatIsRefused() throws {
    #expect(try node.ast("install", "--progress", "xml", "tool").status == 2)
  }
}
