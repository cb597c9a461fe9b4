import FoundationEssentials
import SystemPackage
import TestSupport
import Testing

@Suite("upgrade, base-update and indices", .requiresRoot, .serialized)
struct UpgradeTests {
  private static let older = DebPackage("greeter", files: ["/usr/share/greeter": "hello\n"])
  private static let other = DebPackage("other", files: ["/usr/share/other": "other\n"])

  private static let packages = Result { try PackageStore() }

  let node: PackageNode
  private let newer: DebPackage
  private let voice: DebPackage

  /// A node with the older package; the newer one has been published since.
  init() throws {
    // The cache knows files by their content, so these differ from those of other tests.
    let own = DebPackage.File("\(UInt64.random(in: 0 ... .max))\n")
    newer = DebPackage("greeter", version: "2.0", fields: ["Depends": "voice"], files: ["/usr/share/greeter": own])
    voice = DebPackage("voice", files: ["/usr/share/voice": own])
    node = try PackageNode(in: Self.packages.get(), publishing: [Self.older, Self.other])
    try node.ast("install", "greeter", "other").expectSuccess()
    try node.repository.publish([newer, voice, Self.other])
    node.repository.server.forgetExchanges()
  }

  private var server: HTTPServer { node.repository.server }

  /// Path and status of all requests since the last call.
  private func asked() -> [String] {
    defer { server.forgetExchanges() }
    return server.exchanges.map { "\($0.status) \($0.path)" }
  }

  // MARK: What works

  @Test func upgradeFetchesTheIndicesAndWhatIsNew() throws {
    let before = try node.ast("info", "--json").json["data"]["generation"]
    let result = try node.ast("upgrade").expectSuccess()
    #expect(result.stdout.hasPrefix("Node \(node.id): 1 upgraded, 1 installed, generation "))
    #expect(
      result.said.prefix(4) == [
        "Will be upgraded (1):", "  greeter  1.0 -> 2.0", "Will be installed as dependencies (1):", "  voice  1.0",
      ])
    let paths = try [
      node.repository.releasePath, node.repository.indexPath, node.repository.path(of: newer),
      node.repository.path(of: voice),
    ]
    #expect(asked().sorted() == paths.map { "200 \($0)" })
    #expect(try node.added() == ["greeter:all 2.0", "other:all 1.0", "voice:all 1.0"])
    #expect(try node.store.lastOperation(of: node.id).kind == "upgrade")
    #expect(try node.ast("info", "--json").json["data"]["previous"] == before)
    #expect(try node.automatic().contains("voice"))
    #expect(try !node.automatic().contains("greeter"))
    try node.ast("undo").expectSuccess()
    #expect(try node.added() == ["greeter:all 1.0", "other:all 1.0"])
  }

  @Test func nothingNewIsNothingToDo() throws {
    try node.ast("upgrade").expectSuccess()
    let before = try node.state()
    let result = try node.ast("upgrade").expectSuccess()
    #expect(result.stdout + result.stderr == "")
    #expect(asked().last == "304 \(node.repository.releasePath)")
    try node.expectUntouched(since: before)
  }

  @Test func heldPackageStays() throws {
    try node.shell("apt-mark hold greeter")
    let before = try node.state()
    #expect(try node.ast("upgrade").expectSuccess().stdout == "")
    let plan = try node.ast("upgrade", "--simulate").expectSuccess()
    #expect(plan.stdout == "Nothing to do.\nKept back (1):\n  greeter\n")
    #expect(try node.ast("upgrade", "-n", "--json").json["data"]["keptBackPackages"] == .array([.text("greeter")]))
    try node.expectUntouched(since: before)
    #expect(try node.shell("apt-mark showhold") == ["greeter"])
  }

  @Test func packageThatTheUpgradeNeedsGoneIsRemoved() throws {
    var replacing = newer
    replacing.fields = ["Conflicts": "other"]
    try node.repository.publish([replacing])
    let before = try node.state()
    let refused = try node.ast("upgrade", "--max-removals", "0")
    #expect(refused.status == 5)
    #expect(refused.said.first == "ast: this would remove 1 packages (other), more than 0; nothing was changed")
    try node.expectUntouched(since: before)
    try node.ast("upgrade").expectSuccess()
    #expect(try node.added() == ["greeter:all 2.0"])
  }

  @Test func maintainerScriptsOfBothVersionsRun() throws {
    func talking(_ version: String) -> DebPackage {
      DebPackage(
        "talking", version: version,
        scripts: Dictionary(
          uniqueKeysWithValues: DebPackage.Script.allCases.map {
            ($0, "echo \(version) \($0.rawValue) $* >>/root/calls")
          }))
    }
    try node.repository.publish([talking("1.0")])
    try node.ast("install", "--refresh", "talking").expectSuccess()
    try node.repository.publish([talking("2.0")])
    try node.ast("upgrade").expectSuccess()
    #expect(
      try node.shell("cat /root/calls") == [
        "1.0 preinst install", "1.0 postinst configure", "1.0 prerm upgrade 2.0", "2.0 preinst upgrade 1.0 2.0",
        "1.0 postrm upgrade 2.0", "2.0 postinst configure 1.0",
      ])
  }

  // MARK: The base

  @Test func baseIsChangedByBaseUpdateAlone() throws {
    let packages = try PackageStore(publishing: [Self.older])
    let store = packages.store
    #expect(try store.ast("base-update").expectSuccess().stdout == "")
    // The base gets a package that the archive has a newer version of.
    try packages.repository.publish([DebPackage("tzdata", version: "9999", files: ["/usr/share/new": "new\n"])])
    for refused in [["upgrade", "0"], ["install", "0", "tzdata"], ["remove", "0", "tzdata"]] {
      let result = try store.ast(refused)
      #expect(result.status == 5, "\(refused)")
      #expect(
        result.said == [
          "ast: node 0 is the base: only `ast base-update` changes it", "     clone it and change the clone",
        ])
    }
    let security = try store.ast("base-update", "--security")
    #expect(security.status == 5)
    #expect(security.said.first?.hasPrefix("ast: node 0 has no source of security updates") == true)
    #expect(try store.ast("base-update", "--security", "--auto-remove").status == 2)
    let clone = try store.clone(0)
    let before = try store.content(of: clone)
    let result = try store.ast("base-update").expectSuccess()
    #expect(result.stdout == "Node 0: 1 upgraded, generation 2.\n")
    #expect(try store.ast("list", "0").stdout.lines.contains("tzdata:all 9999"))
    #expect(try store.content(of: clone) == before)
    #expect(try store.lastOperation(of: 0).kind == "base-update")
    #expect(try store.ast("list", "\(store.clone(0))").stdout.lines.contains("tzdata:all 9999"))
    #expect(try Consistency.problems(of: store) == [])
    #expect(try Consistency.findingsOfDoctor(store) == [])
  }

  // MARK: What is fetched

  @Test func nodesWithTheSameSourcesShareIndicesAndPackages() throws {
    try node.ast("refresh").expectSuccess()
    let others = [try node.clone(), try node.clone()]
    for node in others { try node.ast("install", "voice").expectSuccess() }
    try node.ast("install", "greeter").expectSuccess()
    #expect(server.bodies(for: node.repository.releasePath) == 1)
    #expect(try server.bodies(for: node.repository.indexPath) == 1)
    #expect(node.sent(voice) == 1)
    #expect(node.sent(newer) == 1)
    // There is no request, because the indices are not a day old.
    #expect(server.requests(for: node.repository.releasePath) == 1)
  }

  @Test func nodesWithOtherSourcesHaveIndicesOfTheirOwn() throws {
    let other = try PackageNode(in: Self.packages.get(), publishing: [voice])
    #expect(try other.ast("install", "greeter").status == 3)
    try node.ast("install", "--refresh", "voice").expectSuccess()
    #expect(node.sent(voice) == 1)
    // The same file from another archive is not fetched again.
    try other.ast("install", "voice").expectSuccess()
    #expect(other.sent(voice) == 0)
  }

  @Test func indicesAreFetchedAsTheOptionsSay() throws {
    try node.ast("install", "greeter").expectSuccess()
    #expect(asked() == [])
    try node.ast("upgrade", "--no-refresh", "--simulate").expectSuccess()
    #expect(asked() == [])
    try node.ast("install", "--refresh", "voice").expectSuccess()
    #expect(
      try asked() == [
        "200 \(node.repository.releasePath)", "200 \(node.repository.indexPath)",
        "200 \(node.repository.path(of: voice))",
      ])
    let refresh = try node.ast("refresh").expectSuccess()
    #expect(refresh.stdout + refresh.stderr == "")
    #expect(asked() == ["304 \(node.repository.releasePath)"])
    #expect(try node.ast("refresh", "--json").json["data"] == .object(["node": .number(Double(node.id))]))
  }

  @Test func staleIndicesAreTold() throws {
    let older = DebPackage("fading")
    try node.repository.publish([older])
    try node.ast("refresh").expectSuccess()
    try node.repository.publish([DebPackage("fading", version: "2.0")])
    let before = try node.state()
    let result = try node.ast("install", "fading")
    #expect(result.status == 1)
    #expect(result.stderr.contains("fading_1.0_all.deb  404  Not Found"), "\(result)")
    #expect(result.said.last?.contains("`ast refresh \(node.id)` fetches the indices again") == true, "\(result)")
    try node.expectUntouched(since: before)
    try node.ast("install", "--refresh", "fading").expectSuccess()
    #expect(try node.added().contains("fading:all 2.0"))
  }

  @Test func cacheMayBeDeletedAtAnyTime() throws {
    try node.ast("upgrade").expectSuccess()
    try runSuccessfully(["rm", "-rf", node.store.root.appending("cache").string])
    try node.ast("install", "other=1.0").expectSuccess()
    let clone = try PackageNode(in: Self.packages.get(), publishing: [voice])
    try clone.ast("install", "voice").expectSuccess()
    #expect(try Consistency.problems(of: node.store) == [])
  }

  @Test func cutDownloadGoesOnWhereItEnded() throws {
    let large = DebPackage("large", files: ["/usr/share/large": .init(String(repeating: "0123456789", count: 100_000))])
    try node.repository.publish([large])
    let path = node.repository.path(of: large)
    try node.ast("refresh").expectSuccess()
    try node.shell("echo 'Acquire::Retries 0;' >/etc/apt/apt.conf.d/retries")
    let before = try node.state()
    server.cutBody(of: path, after: 300_000)
    let result = try node.ast("install", "large")
    #expect(result.status == 1, "\(result)")
    #expect(result.stderr.contains("large_1.0_all.deb"), "\(result)")
    try node.expectUntouched(since: before)
    try node.ast("install", "large").expectSuccess()
    #expect(server.exchanges.filter { $0.path == path }.map(\.status) == [200, 206])
    #expect(try node.shell("dpkg --verify large; wc --bytes </usr/share/large") == ["1000000"])
  }
}
