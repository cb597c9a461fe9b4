import TestSupport
import Testing

@Suite("remove", .requiresRoot, .serialized)
struct RemoveTests {
  private static let shelf = DebPackage("library", files: ["/usr/share/library": "books\n"])
  private static let tool = DebPackage("tool", fields: ["Depends": "library"], files: ["/usr/share/tool": "hammer\n"])
  private static let other = DebPackage("other++", fields: ["Depends": "library"])
  private static let configured = DebPackage(
    "configured", files: ["/usr/share/configured": "1\n"], conffiles: ["/etc/configured.conf": "loud=no\n"])
  private static let needed = DebPackage("needed", fields: ["Essential": "yes"])

  /// A store, and a node with all of the packages.
  private static let made = Result {
    let packages = try PackageStore(publishing: [shelf, tool, other, configured, needed])
    let node = try PackageNode(in: packages)
    try node.ast("install", "tool", "other++", "configured", "needed").expectSuccess()
    return node
  }

  let node: PackageNode

  init() throws { node = try Self.made.get().clone() }

  @Test func removedPackageLeavesItsConfiguration() throws {
    let result = try node.ast("remove", "configured").expectSuccess()
    #expect(result.stdout == "Node \(node.id): 1 removed, generation 2.\n")
    #expect(result.said.prefix(2) == ["Will be removed (1):", "  configured  1.0"])
    #expect(try node.text(of: "usr/share/configured") == nil)
    #expect(try node.text(of: "etc/configured.conf") == "loud=no\n")
    #expect(try !node.added().contains { $0.hasPrefix("configured:") })
    #expect(try node.store.lastOperation(of: node.id).kind == "remove")
    try node.expectUntouched(since: node.state())
  }

  @Test func purgedPackageLeavesNothing() throws {
    let result = try node.ast("remove", "--purge", "configured").expectSuccess()
    #expect(result.stdout == "Node \(node.id): 1 removed, generation 2.\n")
    #expect(result.said.prefix(2) == ["Will be removed with their configuration (1):", "  configured  1.0"])
    #expect(try node.text(of: "etc/configured.conf") == nil)
  }

  @Test func configurationOfARemovedPackageCanBePurged() throws {
    try node.ast("remove", "configured").expectSuccess()
    try node.ast("remove", "--purge", "configured").expectSuccess()
    #expect(try node.text(of: "etc/configured.conf") == nil)
  }

  @Test func whatNeedsAPackageGoesWithIt() throws {
    let result = try node.ast("remove", "--json", "library").expectSuccess()
    let removed = try result.json["data"]["plan"]["removedPackages"]
    #expect(removed.each("name") == [.text("library"), .text("other++"), .text("tool")])
    #expect(removed.each("action") == [.text("remove"), .text("remove"), .text("remove")])
    #expect(removed.each("oldVersion") == [.text("1.0"), .text("1.0"), .text("1.0")])
    #expect(removed.each("newVersion") == [.null, .null, .null])
  }

  @Test func removalsThatNobodyNamedAreLimited() throws {
    let before = try node.state()
    for limit in ["0", "1"] {
      let result = try node.ast("remove", "--max-removals", limit, "library")
      #expect(result.status == 5)
      #expect(
        result.said == [
          "ast: this would remove 2 packages (other++, tool), more than \(limit); nothing was changed",
          "     look at it with `--simulate`, or allow more with `--max-removals`",
        ])
    }
    try node.expectUntouched(since: before)
    #expect(try node.ast("remove", "--max-removals", "-1", "library").status == 2)
    #expect(try node.ast("remove", "--max-removals", "many", "library").status == 2)
    // Named packages do not count, whatever their names look like.
    try node.ast("remove", "--max-removals", "0", "other++", "tool").expectSuccess()
  }

  @Test func unneededPackagesGoOnlyWhenAsked() throws {
    let result = try node.ast("remove", "tool", "other++").expectSuccess()
    #expect(
      result.stdout
        == "Node \(node.id): 2 removed, generation 2; nothing needs 1 package any more, `--auto-remove` removes it too.\n"
    )
    let heading = "Nothing needs these any more, `--auto-remove` removes them too (1):"
    #expect(result.said.firstIndex(of: heading).map { result.said[$0 + 1] } == "  library", "\(result)")
    #expect(try node.added().contains("library:all 1.0"))
    let again = try Self.made.get().clone()
    let all = try again.ast("remove", "--auto-remove", "tool", "other++").expectSuccess()
    #expect(all.stdout == "Node \(again.id): 3 removed, generation 2.\n")
    #expect(try !again.added().contains("library:all 1.0"))
  }

  @Test(arguments: [[], ["-y"], ["--json"]])
  func essentialPackageIsProtected(options: [String]) throws {
    let before = try node.state()
    let result = try node.store.ast(["remove", "\(node.id)"] + options + ["needed"])
    #expect(result.status == 5)
    #expect((result.stdout + result.stderr).contains("this would remove needed, which no system can do without"))
    try node.expectUntouched(since: before)
  }

  @Test func essentialPackageGoesWhenThatIsMeant() throws {
    let result = try node.ast("remove", "--allow-remove-essential", "needed").expectSuccess()
    #expect(result.stderr.contains("WARNING: these packages are essential: needed\n"))
    #expect(try !node.added().contains("needed:all 1.0"))
  }

  @Test func packageManagerItselfIsProtected() throws {
    let before = try node.state()
    #expect(try node.ast("remove", "-y", "dpkg").status == 5)
    #expect(try node.ast("remove", "-y", "--allow-remove-essential", "dpkg").status != 0)
    try node.expectUntouched(since: before)
  }

  @Test func packageThatIsNotInstalledIsNothingToDo() throws {
    try node.ast("remove", "tool").expectSuccess()
    let before = try node.state()
    let result = try node.ast("remove", "tool").expectSuccess()
    #expect(result.stdout == "Node \(node.id): nothing to do.\n")
    try node.expectUntouched(since: before)
  }

  @Test(arguments: ["no-such-package", "-y", "", "tool;", "$(tool)"])
  func wordThatIsNoPackageRemovesNothing(word: String) throws {
    let before = try node.state()
    let result = try node.ast("remove", "-y", "--", word)
    #expect([1, 2, 3].contains(result.status), "\(result)")
    #expect(result.said.first?.hasPrefix("ast: ") == true, "\(result)")
    try node.expectUntouched(since: before)
  }

  @Test func removalWorksWithoutTheArchive() throws {
    let node = try PackageNode(in: try PackageStore(publishing: [Self.tool, Self.shelf]))
    try node.ast("install", "tool").expectSuccess()
    node.repository.server.stop()
    try node.ast("remove", "tool").expectSuccess()
    #expect(try node.added() == ["library:all 1.0"])
  }
}
