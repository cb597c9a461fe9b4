import Glibc
import SystemPackage
import TestSupport
import Testing

@Suite("tree-upgrade, tree-rmpkg", .requiresRoot, .serialized)
struct TreeUpgradeTests {
  /// The packages of the archive in one of two publications, each with its own names.
  private static func packages(_ version: String, _ suffix: String = "") -> [DebPackage] {
    let fails = """
      test ! -e /marker || { echo the node is marked >&2; exit 1; }
      test ! -e /slow || exec sleep 1000
      """
    return [
      DebPackage(
        "greeter\(suffix)", version: version, files: ["/usr/share/greeter\(suffix)": .init("hello \(version)\n")],
        conffiles: ["/etc/greeter\(suffix).conf": .init("# \(version)\n")],
        scripts: version == "2.0" ? [.postinst: fails] : [:]),
      DebPackage("library\(suffix)", version: version, files: ["/usr/share/library\(suffix)": .init("\(version)\n")]),
      DebPackage("tool\(suffix)", version: version, fields: ["Depends": "library\(suffix) (= \(version))"]),
      DebPackage("steady\(suffix)"),
    ]
  }

  private static let store = Result { try PackageStore() }

  /// The parents of the nodes by their places in the tree: 0 with 1, 4, 6; 2 and 3 below 1; 5 below 4; 7 below 6.
  private static let parents = [1: 0, 2: 1, 3: 1, 4: 0, 5: 4, 6: 0, 7: 6]

  /// A tree of eight nodes that have the older packages, different ones in some; the newer ones have been published since.
  private static func newTree(_ suffix: String = "") throws -> [PackageNode] {
    let top = try PackageNode(in: store.get(), publishing: packages("1.0", suffix))
    try top.ast("install", "greeter\(suffix)").expectSuccess()
    let a = try top.branch()
    try a.ast("install", "library\(suffix)").expectSuccess()
    let below = [try a.branch(), try a.branch()]
    try below[0].ast("install", "tool\(suffix)", "steady\(suffix)").expectSuccess()
    let b = try top.branch()
    let f = try b.branch()
    try f.ast("install", "tool\(suffix)").expectSuccess()
    let c = try top.branch()
    let tree = [top, a] + below + [b, f, c, try c.branch()]
    try top.repository.publish(packages("2.0", suffix))
    top.repository.server.forgetExchanges()
    return tree
  }

  private static let made = Result { try newTree() }

  /// A copy of the tree for this test.
  let nodes: [PackageNode]

  init() throws { nodes = try Self.made.get()[0].cloneTree() }

  private var store: TestStore { nodes[0].store }

  /// The packages of the nodes after a complete upgrade.
  private static let upgraded = [
    ["greeter"], ["greeter", "library"], ["greeter", "library", "steady", "tool"], ["greeter", "library"], ["greeter"],
    ["greeter", "library", "tool"], ["greeter"], ["greeter"],
  ]

  private static func lists(_ names: [[String]], suffix: String = "", version: String = "2.0") -> [[String]] {
    names.map { $0.map { "\($0)\(suffix):all \($0 == "steady" ? "1.0" : version)" } }
  }

  private func verb(_ verb: String, _ rest: String...) throws -> CommandResult {
    try store.ast([verb, "\(nodes[0].id)"] + rest)
  }

  /// Whether all nodes are complete, and old or new as `isNew` says for their places.
  private func expect(
    new isNew: (Int) -> Bool, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let (old, new) = (Self.lists(Self.upgraded, version: "1.0"), Self.lists(Self.upgraded))
    for (place, node) in nodes.enumerated() {
      let wanted = isNew(place) ? new[place] : old[place]
      #expect(try node.added() == wanted, "place \(place)", sourceLocation: sourceLocation)
    }
  }

  private func expectOrder(sourceLocation: SourceLocation = #_sourceLocation) throws {
    #expect(try Consistency.problems(of: store) == [], sourceLocation: sourceLocation)
    #expect(try Consistency.findingsOfDoctor(store) == [], sourceLocation: sourceLocation)
  }

  // MARK: All is well

  @Test(arguments: [1, 4])
  func everyNodeIsUpgradedOnceAfterItsParent(jobs: Int) throws {
    let suffix = "-\(jobs)"
    let tree = try Self.newTree(suffix)
    let top = tree[0]
    let result = try top.ast("tree-upgrade", "--jobs", "\(jobs)").expectSuccess()
    #expect(try tree.map { try $0.added() } == Self.lists(Self.upgraded, suffix: suffix))
    let width = "\(tree[7].id)".count
    let changes = ["1", "2", "3", "2", "1", "3", "1", "1"]
    let rows = zip(tree, zip([2, 3, 2, 2, 2, 2, 2, 2], changes)).map { node, what in
      let id = String(repeating: " ", count: width - "\(node.id)".count) + "\(node.id)"
      let generation = node.id == top.id ? 4 : [tree[1].id, tree[2].id, tree[5].id].contains(node.id) ? 3 : 2
      return "  \(id)  \(what.1) upgraded, generation \(generation)"
    }
    #expect(result.stdout.lines == ["Tree \(top.id): 8 of 8 nodes done"] + rows)

    var operations: [Int] = []
    for node in tree {
      let history = try node.history()
      #expect(history.filter { $0.kind == "tree-upgrade" }.map(\.state) == ["done"])
      operations.append(history.first { $0.kind == "tree-upgrade" }?.number ?? 0)
    }
    for (child, parent) in Self.parents { #expect(operations[parent] < operations[child], "\(operations)") }

    let server = top.repository.server
    #expect(server.bodies(for: top.repository.releasePath) == 1)
    #expect(try server.bodies(for: top.repository.indexPath) == 1)
    #expect(Self.packages("2.0", suffix).map(top.sent) == [1, 1, 1, 0])
    #expect(try Consistency.problems(of: top.store) == [])
  }

  @Test func resultIsToldInJSON() throws {
    let result = try verb("tree-upgrade", "--json").expectSuccess()
    let json = try result.json
    #expect(json["error"] == .null)
    let told = json["data"]["nodes"].elements
    #expect(Set(told.map { "\($0["node"])" }) == Set(nodes.map { "\(JSON.number(Double($0.id)))" }))
    for node in told {
      #expect(node.keys == ["change", "comparison", "error", "node", "result"])
      #expect(node["result"] == .text("committed"))
      #expect(node["error"] == .null)
      let steps = node["change"]["plan"]["upgradedPackages"].elements
      let greeter = try #require(steps.first { $0["name"] == .text("greeter") })
      #expect(greeter["oldVersion"] == .text("1.0"))
      #expect(greeter["newVersion"] == .text("2.0"))
    }
    try expect { _ in true }
  }

  @Test func simulationShowsEachNodeAndChangesNothing() throws {
    try store.ast("tmp").expectSuccess()
    let before = try store.state()
    let result = try verb("tree-upgrade", "--simulate").expectSuccess()
    let ids = nodes.map(\.id)
    #expect(
      result.stdout.lines.filter { $0.hasPrefix("Node") } == [
        "Nodes \(ids[0]), \(ids[4]), \(ids[6]), \(ids[7]):", "Nodes \(ids[1]), \(ids[3]):",
        "Nodes \(ids[2]), \(ids[5]):",
      ])
    let json = try verb("tree-upgrade", "-n", "--json").json
    #expect(json["data"]["nodes"].each("upgradedCount") == [1, 2, 3, 2, 1, 3, 1, 1].map { .number($0) })
    #expect(try store.state() == before)
  }

  @Test func nothingToDoMakesNoGeneration() throws {
    try verb("tree-upgrade").expectSuccess()
    let before = try nodes.map { try $0.state() }
    let result = try verb("tree-upgrade").expectSuccess()
    #expect(result.stdout + result.stderr == "")
    #expect(try nodes.map { try $0.state() } == before)
  }

  @Test func subtreeIsUpgradedAndNothingElse() throws {
    try nodes[1].ast("tree-upgrade").expectSuccess()
    try expect { [1, 2, 3].contains($0) }
  }

  @Test func baseAndUnknownNodesAreRefused() throws {
    #expect(try store.ast("tree-upgrade", "0").status == 5)
    #expect(try store.ast("tree-upgrade", "99999").status == 3)
    #expect(try verb("tree-upgrade", "--jobs", "0").status == 2)
  }

  // MARK: A node fails

  @Test(arguments: [1, 4])
  func failedNodeKeepsItsContentAndStopsNobody(jobs: Int) throws {
    try nodes[1].shell("touch /marker")
    let before = try nodes[1].state()
    let result = try verb("tree-upgrade", "--jobs", "\(jobs)")
    #expect(result.status == 6)
    #expect(result.stdout.lines.first == "Tree \(nodes[0].id): 7 of 8 nodes done")
    let row = result.stdout.lines.first { $0.contains("greeter failed") } ?? ""
    #expect(row.contains("  \(nodes[1].id)  node \(nodes[1].id): greeter failed"), "\(result)")
    #expect(row.contains("the node is marked"))
    try expect { $0 != 1 }
    try nodes[1].expectUntouched(since: before)
    let failed = try nodes[1].history().first
    #expect(failed?.kind == "tree-upgrade")
    #expect(failed?.state == "failed")
  }

  @Test func failureIsToldInJSON() throws {
    try nodes[1].shell("touch /marker")
    let result = try verb("tree-upgrade", "--json")
    #expect(result.status == 6)
    let told = try result.json["data"]["nodes"].elements
    let failed = told.filter { $0["result"] == .text("failed") }
    #expect(failed.map { $0["node"] } == [.number(Double(nodes[1].id))])
    #expect(failed.map { $0["change"] } == [.null])
    if case .text(let words)? = failed.first?["error"] {
      #expect(words.contains("greeter failed"))
    } else {
      Issue.record("no error: \(failed)")
    }
    #expect(told.count { $0["result"] == .text("committed") } == 7)
  }

  @Test func nothingIsBegunAfterAFailureWhenAsked() throws {
    try nodes[1].shell("touch /marker")
    let result = try verb("tree-upgrade", "--fail-fast", "--jobs", "1")
    #expect(result.status == 6)
    #expect(result.stdout.lines.count { $0.hasSuffix("  not started") } == 6)
    try expect { $0 == 0 }
    #expect(try nodes[4].history().map(\.kind).contains("tree-upgrade") == false)
    try expectOrder()
  }

  @Test func unreachableSourcesFailTheirNodesOnly() throws {
    try nodes[4].loseSources()
    let before = try nodes[4].state()
    let result = try verb("tree-upgrade")
    #expect(result.status == 6)
    #expect(result.stdout.lines.contains { $0.contains("\(nodes[4].id)  ") && $0.contains("127.0.0.1:1") }, "\(result)")
    try expect { $0 != 4 }
    try nodes[4].expectUntouched(since: before)
  }

  @Test func heldPackageKeepsBackWhatNeedsIt() throws {
    try nodes[2].ast("hold", "library").expectSuccess()
    try verb("tree-upgrade").expectSuccess()
    #expect(
      try nodes[2].added() == ["greeter:all 2.0", "library:all 1.0", "steady:all 1.0", "tool:all 1.0"])
    #expect(try nodes[1].added() == ["greeter:all 2.0", "library:all 2.0"])
  }

  @Test func busyNodeIsReportedAndTheOthersAreDone() throws {
    let work = try nodes[1].start("run", "sleep", "1000")
    try store.awaitProcess(named: "sleep", in: nodes[1].id)
    let result = try verb("tree-upgrade")
    #expect(result.status == 6)
    let busy = "node \(nodes[1].id) is busy: `ast run \(nodes[1].id) sleep 1000` (pid \(work.pid)"
    #expect(result.stdout.withoutTransactionOfHolder.contains(busy))
    work.send(SIGTERM)
    _ = try work.wait()
    try expect { $0 != 1 }
  }

  @Test func busyNodeIsWaitedFor() throws {
    let work = try nodes[1].start("run", "sh", "-c", "until test -e /run/over; do sleep 0.1; done; touch /worked")
    try store.awaitProcess(named: "sh", in: nodes[1].id)
    let upgrade = try store.start(["--wait", "tree-upgrade", "\(nodes[0].id)", "--jobs", "4"])
    try eventually("the other branches") { try nodes[7].added() == ["greeter:all 2.0"] }
    #expect(upgrade.isRunning)
    // The run ends by itself, and its work is upgraded.
    let shell = try store.awaitProcess(named: "sh", in: nodes[1].id)
    try runSuccessfully(["nsenter", "--target", "\(shell)", "--mount", "--root", "touch", "/run/over"])
    #expect(try work.wait().status == 0)
    #expect(try upgrade.wait().status == 0)
    try expect { _ in true }
    #expect(try nodes[1].text(of: "worked") != nil)
  }

  // MARK: Interruptions

  /// Starts an upgrade that stops in two nodes at once; the rest of the tree waits or is done.
  private func startStandingUpgrade() throws -> StartedCommand {
    for place in [1, 4] { try nodes[place].shell("touch /slow") }
    let upgrade = try store.start(["tree-upgrade", "\(nodes[0].id)", "--jobs", "2"])
    for place in [1, 4] { try store.awaitProcess(named: "sleep", in: nodes[place].id) }
    return upgrade
  }

  @Test(arguments: [SIGINT, SIGTERM])
  func signalLeavesNodesThatAreOldOrNew(signal: Int32) throws {
    let upgrade = try startStandingUpgrade()
    upgrade.send(signal)
    let end = try upgrade.wait()
    #expect(end.status == 128 + signal, "\(end)")
    #expect(end.stdout.lines.first?.hasPrefix("Tree \(nodes[0].id): interrupted; 1 of 8 nodes done") == true, "\(end)")
    try expect { $0 == 0 }
    try expectOrder()
    for place in [1, 4] { try nodes[place].shell("rm /slow") }
    try verb("tree-upgrade").expectSuccess()
    try expect { _ in true }
  }

  @Test func killedUpgradeLeavesNodesThatAreOldOrNew() throws {
    let upgrade = try startStandingUpgrade()
    upgrade.send(SIGKILL)
    _ = try upgrade.wait()
    try store.ast("tmp").expectSuccess()
    try expect { $0 == 0 }
    try expectOrder()
    for place in [1, 4] { try nodes[place].shell("rm /slow") }
    try verb("tree-upgrade").expectSuccess()
    try expect { _ in true }
  }

  @Test func upgradeKilledBetweenNodesIsDoneUpToThere() throws {
    let points = try store.failPoints(of: nodes[1].words("tree-upgrade", ["--jobs", "1"]))
    // Before that, only the intent is committed.
    let seals = points.indices.filter { points[$0] == "sealed" }
    let kills = seals.compactMap { points[$0...].firstIndex(of: "committed") }
    #expect(kills.count == 3, "\(points)")
    for (count, index) in kills.enumerated() {
      let tree = try Self.made.get()[0].cloneTree()
      let killed = try store.ast(
        tree[1].words("tree-upgrade", ["--jobs", "1"]), environment: ["AST_FAIL_AT": "\(index + 1)"])
      #expect(killed.signal == SIGKILL)
      try store.ast("tmp").expectSuccess()
      #expect(try (1...3).map { try tree[$0].added().contains("greeter:all 2.0") } == (0..<3).map { $0 <= count })
      try expectOrder()
    }
  }

  // MARK: tree-rmpkg

  @Test func packageIsRemovedWhereItIs() throws {
    let untouched = try [0, 4, 6, 7].map { try nodes[$0].state() }
    let result = try verb("tree-rmpkg", "tool", "library", "steady").expectSuccess()
    #expect(try nodes.map { try $0.added() } == nodes.map { _ in ["greeter:all 1.0"] })
    #expect(try [0, 4, 6, 7].map { try nodes[$0].state() } == untouched)
    #expect(result.stdout.lines[3].hasSuffix("\(nodes[2].id)  3 removed, generation 2"))
    #expect(result.stdout.lines[1].hasSuffix("\(nodes[0].id)  nothing to do"))
    #expect(try nodes[2].history().first?.kind == "tree-rmpkg")
  }

  @Test(arguments: [true, false])
  func configurationGoesWhenAsked(purge: Bool) throws {
    try verb("tree-rmpkg", purge ? "--purge" : "--no-refresh", "greeter").expectSuccess()
    for node in nodes { #expect(try (node.text(of: "etc/greeter.conf") == nil) == purge) }
    guard !purge else { return }
    // The configuration that an earlier removal has left is removed, too.
    try verb("tree-rmpkg", "--purge", "greeter").expectSuccess()
    for node in nodes { #expect(try node.text(of: "etc/greeter.conf") == nil) }
  }

  @Test func simulatedRemovalChangesNothing() throws {
    try store.ast("tmp").expectSuccess()
    let before = try store.state()
    let json = try verb("tree-rmpkg", "-n", "--json", "tool").json
    #expect(json["data"]["nodes"].each("removedCount") == [0, 0, 1, 0, 0, 1, 0, 0].map { .number($0) })
    #expect(try store.state() == before)
  }

  @Test func removalBeyondTheLimitFailsItsNodes() throws {
    let result = try verb("tree-rmpkg", "--max-removals", "0", "library")
    #expect(result.status == 6)
    #expect(
      try nodes.map { try $0.added().contains("library:all 1.0") } == [
        false, false, true, false, false, true, false, false,
      ])
    #expect(result.stdout.lines[3].contains("this would remove 1 packages (tool), more than 0"))
  }
}
