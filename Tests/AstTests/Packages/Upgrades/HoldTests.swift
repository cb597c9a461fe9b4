import SystemPackage
import TestSupport
import Testing

@Suite("hold, unhold", .requiresRoot, .serialized)
struct HoldTests {
  private static let names = ["greeter", "tool"]

  private static func packages(_ version: String) -> [DebPackage] {
    ["greeter", "tool"].map { DebPackage($0, version: version) }
  }

  /// A node with older packages; newer ones have been published since.
  private static let made = Result {
    let node = try PackageNode(in: try PackageStore(), publishing: packages("1.0"))
    try node.ast("install", "greeter", "tool").expectSuccess()
    try node.repository.publish(packages("2.0") + [DebPackage("absent")])
    try node.ast("refresh").expectSuccess()
    return node
  }

  let node: PackageNode

  init() throws { node = try Self.made.get().clone() }

  @Test func heldPackageStaysUntilItIsLetGo() throws {
    let result = try node.ast("hold", "greeter").expectSuccess()
    #expect(result.stdout == "Node \(node.id): greeter held; generation 2.\n")
    #expect(try node.history().first?.kind == "hold")
    try node.ast("upgrade").expectSuccess()
    #expect(try node.added() == ["greeter:all 1.0", "tool:all 2.0"])
    try node.ast("tree-upgrade").expectSuccess()
    try node.ast("auto-upgrade").expectSuccess()
    #expect(try node.added() == ["greeter:all 1.0", "tool:all 2.0"])

    let free = try node.ast("unhold", "greeter").expectSuccess()
    #expect(free.stdout == "Node \(node.id): greeter not held; generation 4.\n")
    try node.ast("upgrade").expectSuccess()
    #expect(try node.added() == ["greeter:all 2.0", "tool:all 2.0"])
  }

  @Test func heldPackagesAreListed() throws {
    #expect(try node.ast("hold").expectSuccess().stdout == "")
    try node.ast("hold", "tool", "greeter").expectSuccess()
    #expect(try node.ast("hold").expectSuccess().stdout == "greeter:all\ntool:all\n")
    let list: JSON = .array([.text("greeter:all"), .text("tool:all")])
    #expect(try node.ast("hold", "--json").json["data"]["held"] == list)
    // A copy holds the same packages; undo undoes a hold.
    #expect(try node.clone().ast("hold").stdout == "greeter:all\ntool:all\n")
    try node.ast("undo").expectSuccess()
    #expect(try node.ast("hold").stdout == "")
  }

  @Test func holdIsToldInJSON() throws {
    let held = try node.ast("hold", "--json", "greeter").expectSuccess().json
    #expect(
      held["data"]
        == .object([
          "node": .number(Double(node.id)), "packages": .array([.text("greeter")]), "held": .bool(true),
          "generation": .number(2),
        ]))
    #expect(held["error"] == .null)
    let again = try node.ast("hold", "--json", "greeter").expectSuccess().json
    #expect(again["data"]["generation"] == .null)
  }

  @Test func whatIsHeldAlreadyMakesNoGeneration() throws {
    try node.ast("hold", "greeter").expectSuccess()
    let before = try node.state()
    #expect(try node.ast("hold", "greeter").expectSuccess().stdout == "Node \(node.id): greeter held already.\n")
    #expect(try node.ast("unhold", "tool").expectSuccess().stdout == "Node \(node.id): tool not held already.\n")
    try node.expectUntouched(since: before)
  }

  @Test(arguments: ["absent", "no-such-package", "", "-y", "greeter:no-such", "greet*"])
  func packageThatIsNotInstalledIsNotFound(name: String) throws {
    let before = try node.state()
    for verb in ["hold", "unhold"] {
      let result = try node.ast(verb, "--", "tool", name)
      #expect(result.status == 3, "\(result)")
      #expect(result.said.first == "ast: node \(node.id) has no package \(name); nothing was changed")
    }
    try node.expectUntouched(since: before)
  }

  @Test func packageIsNamedWithItsArchitecture() throws {
    try node.ast("hold", "greeter:all").expectSuccess()
    #expect(try node.shell("apt-mark showhold") == ["greeter"])
    try node.ast("unhold", "greeter:all").expectSuccess()
    #expect(try node.shell("apt-mark showhold") == [])
  }

  @Test func packagesOfTwoArchitecturesAreHeldByThemselves() throws {
    let own = try AptRepository.architecture
    let foreign = own == "arm64" ? "amd64" : "arm64"
    let place = try LoopBtrfs.shared.newDirectory()
    let files = try [own, foreign].map {
      try DebPackage("twofold", architecture: $0, fields: ["Multi-Arch": "same"]).build(in: place).string
    }
    try node.shell("dpkg --add-architecture \(foreign)")
    try node.ast("install", files[0], files[1]).expectSuccess()
    try node.ast("hold", "twofold:\(foreign)").expectSuccess()
    #expect(try node.ast("hold").stdout == "twofold:\(foreign)\n")
    try node.ast("hold", "twofold:\(own)").expectSuccess()
    #expect(try node.ast("hold").stdout.lines == ["twofold:\(own)", "twofold:\(foreign)"].sorted())
    try node.ast("unhold", "twofold:\(foreign)").expectSuccess()
    #expect(try node.ast("hold").stdout == "twofold:\(own)\n")
  }

  @Test(arguments: [[], ["-y", "--purge"]])
  func heldPackageIsNotRemoved(options: [String]) throws {
    try node.ast("hold", "greeter").expectSuccess()
    let before = try node.state()
    let result = try node.store.ast(["remove", "\(node.id)"] + options + ["greeter", "tool"])
    #expect(result.status == 5, "\(result)")
    #expect((result.stdout + result.stderr).contains("this would remove greeter, on hold"), "\(result)")
    #expect((result.stdout + result.stderr).contains("`ast unhold \(node.id) greeter`"), "\(result)")
    try node.expectUntouched(since: before)
    #expect(
      try node.ast("remove", "-n", "greeter").expectSuccess().stdout.contains(
        "WARNING: these packages are on hold: greeter\n"))
  }

  @Test func heldPackageDoesNotGoAlongWithAnother() throws {
    let packages = [
      DebPackage("library"), DebPackage("reader", fields: ["Depends": "library"]),
      DebPackage("rival", fields: ["Conflicts": "reader"]),
    ]
    let node = try PackageNode(in: node.store, publishing: packages)
    try node.ast("install", "reader").expectSuccess()
    try node.ast("hold", "reader").expectSuccess()
    let before = try node.state()
    let result = try node.ast("remove", "library")
    #expect(result.status == 5, "\(result)")
    #expect(
      result.said == [
        "ast: this would remove reader, on hold; nothing was changed",
        "     `ast unhold \(node.id) reader` ends the hold; `--allow-change-held-packages` does it all the same",
      ])
    let tree = try node.ast("tree-rmpkg", "library")
    #expect(tree.status == 6)
    #expect(tree.stdout.contains("this would remove reader, on hold"))
    #expect(try node.ast("install", "rival").status != 0)
    try node.expectUntouched(since: before)
    try node.ast("remove", "--allow-change-held-packages", "library").expectSuccess()
    #expect(try !node.added().contains { $0.hasPrefix("reader") })
  }

  @Test func newVersionOfAHeldPackageMustBeAskedFor() throws {
    try node.ast("hold", "greeter").expectSuccess()
    let result = try node.ast("install", "greeter=2.0")
    #expect(result.status == 5, "\(result)")
    #expect(result.said.first == "ast: this would change greeter, on hold; nothing was changed")
    try node.ast("install", "--allow-change-held-packages", "greeter=2.0").expectSuccess()
    #expect(try node.added().contains("greeter:all 2.0"))
  }

  @Test func baseIsRefused() throws {
    let result = try node.store.ast("hold", "0", "dpkg")
    #expect(result.status == 5)
    #expect(result.said.first == "ast: node 0 is the base: only `ast base-update` changes it")
    #expect(try node.store.ast("unhold", "0", "dpkg").status == 5)
    #expect(try node.store.ast("hold", "0").expectSuccess().stdout == "")
    #expect(try node.store.ast("hold", "99999", "dpkg").status == 3)
  }

  @Test func busyNodeIsRefused() throws {
    let work = try node.start("run", "sleep", "1000")
    try node.store.awaitProcess(named: "sleep", in: node.id)
    #expect(try node.ast("hold", "greeter").status == 4)
    work.send(15)
    _ = try work.wait()
  }
}
