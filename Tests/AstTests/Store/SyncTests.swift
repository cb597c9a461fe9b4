import SystemPackage
import TestSupport
import Testing

@Suite("sync, force-sync", .requiresRoot, .serialized)
struct SyncTests {
  private static let library = DebPackage("library", files: ["/usr/share/library": "books\n"])
  private static func tool(_ version: String) -> DebPackage {
    DebPackage("tool", version: version, fields: ["Depends": "library"])
  }
  private static func greeter(_ version: String, architecture: String = "all") -> DebPackage {
    DebPackage("greeter", version: version, architecture: architecture)
  }
  private static let other = DebPackage("other", files: ["/usr/share/other": "other\n"])
  private static let needy = DebPackage("needy", fields: ["Depends": "greeter (>= 2.0)"])

  /// Two versions of some packages, both in the archive.
  private static let packages = Result {
    try PackageStore(publishing: [library, tool("1.0"), tool("2.0"), greeter("1.0"), greeter("2.0"), other, needy])
  }

  let parent: PackageNode
  let child: PackageNode

  init() throws {
    parent = try PackageNode(in: Self.packages.get())
    child = try parent.branch()
  }

  /// The comparison of a node with its parent, from the JSON output.
  private func comparison(_ result: CommandResult, of node: PackageNode) throws -> JSON {
    let told = try result.expectSuccess().json["data"]["nodes"].elements
    return try #require(told.first { $0["node"] == .number(Double(node.id)) })["comparison"]
  }

  private func declined(in node: PackageNode) throws -> String? { try node.text(of: "usr/lib/sysimage/ast/declined") }

  // MARK: What comes

  @Test func childGetsWhatSomebodyAskedForInItsParent() throws {
    try parent.ast("install", "tool", "other").expectSuccess()
    let result = try parent.ast("sync").expectSuccess()
    #expect(try child.added() == ["library:all 1.0", "other:all 1.0", "tool:all 2.0"])
    #expect(try child.automatic().filter { ["library", "other", "tool"].contains($0) } == ["library"])
    #expect(
      result.stdout.lines == [
        "Tree \(parent.id): 2 of 2 nodes done", "  \(parent.id)  nothing to do",
        "  \(child.id)  3 installed, generation 2",
      ])
    #expect(try child.history().map(\.kind) == ["run", "sync", "clone"])
    let before = try [parent, child].map { try $0.state() }
    try parent.ast("sync").expectSuccess()
    #expect(try [parent, child].map { try $0.state() } == before)
  }

  @Test func packageComesAtTheVersionOfTheParent() throws {
    try parent.ast("install", "tool=1.0").expectSuccess()
    let result = try parent.ast("force-sync", "--json")
    #expect(try comparison(result, of: child)["installed"] == .array([.text("tool=1.0")]))
    #expect(try child.added() == ["library:all 1.0", "tool:all 1.0"])
    #expect(try parent.added() == ["library:all 1.0", "tool:all 1.0"])
    #expect(try child.history().first?.kind == "force-sync")
  }

  @Test func packageComesAsItIsThereWhenTheVersionOfTheParentIsGone() throws {
    let parent = try PackageNode(in: Self.packages.get(), publishing: [Self.greeter("1.0")])
    let child = try parent.branch()
    try parent.ast("install", "greeter").expectSuccess()
    try parent.repository.publish([Self.greeter("2.0")])
    try parent.ast("force-sync", "--refresh").expectSuccess()
    #expect(try parent.added() == ["greeter:all 1.0"])
    #expect(try child.added() == ["greeter:all 2.0"])
  }

  @Test func chainIsDoneInOneGo() throws {
    let grandchild = try child.branch()
    try parent.ast("install", "tool").expectSuccess()
    try child.ast("install", "other").expectSuccess()
    try parent.ast("sync").expectSuccess()
    #expect(try child.added() == ["library:all 1.0", "other:all 1.0", "tool:all 2.0"])
    #expect(try grandchild.added() == ["library:all 1.0", "other:all 1.0", "tool:all 2.0"])
    #expect(try !parent.added().contains("other:all 1.0"))
  }

  @Test func marksOfTheParentAreAdopted() throws {
    try child.ast("install", "tool").expectSuccess()
    #expect(try child.automatic().contains("library"))
    try parent.ast("install", "library").expectSuccess()
    let result = try parent.ast("sync", "--json")
    #expect(try comparison(result, of: child)["adopted"] == .array([.text("library")]))
    #expect(try !child.automatic().contains("library"))
    try child.ast("remove", "--auto-remove", "tool").expectSuccess()
    #expect(try child.added() == ["library:all 1.0"])
  }

  @Test func syncUpgradesAndForcedSyncDoesNot() throws {
    for node in [parent, child] { try node.ast("install", "greeter=1.0").expectSuccess() }
    try parent.ast("install", "other").expectSuccess()
    try parent.ast("force-sync").expectSuccess()
    #expect(try parent.added() == ["greeter:all 1.0", "other:all 1.0"])
    #expect(try child.added() == ["greeter:all 1.0", "other:all 1.0"])
    try parent.ast("sync").expectSuccess()
    #expect(try parent.added() == ["greeter:all 2.0", "other:all 1.0"])
    #expect(try child.added() == ["greeter:all 2.0", "other:all 1.0"])
  }

  @Test(arguments: ["sync", "force-sync"])
  func simulationChangesNothing(verb: String) throws {
    try parent.ast("install", "tool").expectSuccess()
    try parent.store.ast("tmp").expectSuccess()
    let before = try parent.store.state()
    let result = try parent.ast(verb, "--simulate").expectSuccess()
    #expect(result.stdout.contains("Node \(child.id):\nWould be installed (1):\n  tool  2.0\n"))
    #expect(try parent.store.state() == before)
  }

  // MARK: Where it begins

  @Test func leafIsUpgraded() throws {
    try parent.ast("install", "other").expectSuccess()
    try child.ast("install", "greeter=1.0").expectSuccess()
    let result = try child.ast("sync").expectSuccess()
    #expect(result.stdout.lines.first == "Tree \(child.id): 1 of 1 nodes done")
    #expect(try child.added() == ["greeter:all 2.0"])
  }

  @Test func topIsNotComparedWithItsOwnParent() throws {
    let grandchild = try child.branch()
    try parent.ast("install", "other").expectSuccess()
    try child.ast("install", "tool").expectSuccess()
    try child.ast("sync").expectSuccess()
    #expect(try child.added() == ["library:all 1.0", "tool:all 2.0"])
    #expect(try grandchild.added() == ["library:all 1.0", "tool:all 2.0"])
  }

  // MARK: What stays away

  @Test(arguments: [["remove"], ["run", "apt-get", "remove", "--yes"], ["run", "dpkg", "--purge"]])
  func packageThatWasRemovedFromTheChildStaysAway(words: [String]) throws {
    try parent.ast("install", "other").expectSuccess()
    let child = try parent.branch()
    try child.store.ast([words[0], "\(child.id)"] + words.dropFirst() + ["other"]).expectSuccess()
    let twin = try child.store.report(NewNode.self, "cbranch", "\(child.id)").node
    let result = try parent.ast("sync", "--json")
    #expect(try comparison(result, of: child)["declined"] == .array([.text("other")]))
    #expect(try child.added() == [])
    // A package that was declined in a node is not declined in its copy.
    #expect(try child.store.ast("list", "\(twin)").stdout.contains("other:all 1.0"))
    let text = try parent.ast("sync").expectSuccess().stdout
    #expect(text.contains("  \(child.id)  nothing to do; other: removed here on purpose"))
  }

  @Test func removalThatIsUndoneIsForgotten() throws {
    try parent.ast("install", "other").expectSuccess()
    let child = try parent.branch()
    try child.ast("remove", "other").expectSuccess()
    #expect(try declined(in: child) == "other:all \(child.id)\n")
    try child.ast("undo").expectSuccess()
    #expect(try declined(in: child) == nil)
  }

  @Test func installationMakesUpForTheRemoval() throws {
    try parent.ast("install", "other").expectSuccess()
    let child = try parent.branch()
    try child.ast("remove", "other").expectSuccess()
    try child.ast("install", "other").expectSuccess()
    #expect(try declined(in: child) == "")
  }

  @Test func automaticPackageThatGoesWasNotDeclined() throws {
    try child.ast("install", "tool").expectSuccess()
    try child.ast("remove", "--auto-remove", "tool").expectSuccess()
    #expect(try declined(in: child) == "tool:all \(child.id)\n")
    try parent.ast("install", "library").expectSuccess()
    try parent.ast("sync").expectSuccess()
    #expect(try child.added() == ["library:all 1.0"])
  }

  @Test func heldPackageIsListedAndStays() throws {
    for node in [parent, child] { try node.ast("install", "greeter=1.0").expectSuccess() }
    try child.ast("hold", "greeter").expectSuccess()
    let result = try parent.ast("sync", "--json")
    #expect(try comparison(result, of: child)["held"] == .array([.text("greeter")]))
    #expect(try parent.added() == ["greeter:all 2.0"])
    #expect(try child.added() == ["greeter:all 1.0"])
    #expect(try parent.ast("sync").stdout.contains("nothing to do; greeter: held"))
    // A held package does not change, even if the parent has another version.
    try parent.ast("install", "needy").expectSuccess()
    #expect(try parent.ast("sync").status == 6)
    #expect(try child.added() == ["greeter:all 1.0"])
    #expect(try child.shell("apt-mark showhold") == ["greeter"])
  }

  @Test func packageFromAFileIsListed() throws {
    let file = try DebPackage("local").build(in: LoopBtrfs.shared.newDirectory())
    try parent.ast("install", file.string, "other").expectSuccess()
    let result = try parent.ast("sync", "--json")
    #expect(try comparison(result, of: child)["unavailable"] == .array([.text("local")]))
    #expect(try child.added() == ["other:all 1.0"])
    #expect(try parent.ast("sync").expectSuccess().stdout.contains("nothing to do; local: not in its sources"))
  }

  // MARK: What goes

  @Test func packageThatWasRemovedFromTheParentGoesWhenAsked() throws {
    try parent.ast("install", "other", "tool").expectSuccess()
    let child = try parent.branch()
    try child.ast("install", "greeter").expectSuccess()
    try parent.ast("remove", "other").expectSuccess()
    let result = try parent.ast("sync", "--json")
    #expect(try comparison(result, of: child)["removable"] == .array([.text("other")]))
    #expect(try child.added() == ["greeter:all 2.0", "library:all 1.0", "other:all 1.0", "tool:all 2.0"])
    try parent.ast("sync", "--remove").expectSuccess()
    #expect(try child.added() == ["greeter:all 2.0", "library:all 1.0", "tool:all 2.0"])
  }

  @Test func removalGoesDownTheWholeChain() throws {
    try parent.ast("install", "other").expectSuccess()
    let chain = [parent, try parent.branch()]
    let last = try chain[1].branch()
    try parent.ast("remove", "other").expectSuccess()
    try parent.ast("force-sync", "--remove").expectSuccess()
    for node in chain + [last] { #expect(try node.added() == []) }
  }

  @Test func packageThatChangesItsArchitectureWasNotRemoved() throws {
    let parent = try PackageNode(in: Self.packages.get(), publishing: [Self.greeter("1.0")])
    try parent.ast("install", "greeter").expectSuccess()
    let child = try parent.branch()
    let own = try AptRepository.architecture
    try parent.repository.publish([Self.greeter("2.0", architecture: own)])
    let result = try parent.ast("sync", "--remove", "--json")
    #expect(try comparison(result, of: child)["removable"] == .array([]))
    for node in [parent, child] {
      #expect(try node.added() == ["greeter:\(own) 2.0"])
      #expect(try declined(in: node) == nil)
    }
  }
}

/// A new node, from the JSON output.
private struct NewNode: Decodable { let node: Int }
