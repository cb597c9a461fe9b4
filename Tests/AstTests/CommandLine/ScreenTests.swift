import SnapshotTree
import TestSupport
import Testing

/// The output on narrow and on wide terminals.
@Suite("Screens", .requiresRoot, .serialized)
struct ScreenTests {
  private static let widths = [80, 140]

  @Test(arguments: widths)
  func everythingFits(columns: Int) throws {
    let store = try fallenBack()
    let commands = [
      "ast", "ast status", "ast tree --long", "ast deployments", "ast du", "ast info 1", "ast history 1", "ast info t1",
    ]
    for command in commands {
      let screen = try Screen(columns: columns, command, store: store).finish()
      #expect(try screen.rows() == screen.lines().map(\.withoutTrailingSpace), "\(command)")
    }
  }

  @Test func wideCharactersPushNothingOutOfLine() throws {
    let store = try TestStore()
    try store.ast("clone", "0", "日本語の実験").expectSuccess()
    try store.ast("branch", "1", "next").expectSuccess()
    let rows = try Screen(columns: 80, "ast tree --long", store: store).finish().rows()
    #expect(
      rows.suffix(2).map { $0.drop { $0 != "└" && $0 != " " || $0 == " " } } == ["└── 1 - 日本語の実験", "└── 2 - next"])
  }

  @Test func statusAfterAFallbackSaysWhyInRed() throws {
    let store = try fallenBack()
    let screen = try Screen(columns: 80, "ast status", store: store).finish()
    let failed = "Failed:   deployment 2 (node 1), failed: a health check failed"
    #expect(try screen.rows().contains(failed))
    #expect(try screen.colouredRows().contains { $0.hasPrefix("\u{1B}[31m\(failed)") })
    let list = try Screen(columns: 80, "ast deployments", store: store).finish()
    #expect(try list.colouredRows().contains { $0.contains("\u{1B}[31m") && $0.contains("failed") })
  }

  @Test func statusIsWrappedBetweenWords() throws {
    let store = try fallenBack()
    let rows = try Screen(columns: 50, "ast status", store: store).finish().rows()
    let failed = ["Failed:   deployment 2 (node 1), failed: a health", "          check failed"]
    #expect(rows.firstIndex(of: failed[0]).map { rows[$0 + 1] } == failed[1], "\(rows)")
    let piped = try store.ast("status").expectSuccess().stdout
    #expect(piped.lines.contains("Failed:   deployment 2 (node 1), failed: a health check failed"), "\(piped)")
  }

  @Test(arguments: ["NO_COLOR": "1", "TERM": "dumb"])
  func coloursAreLeftOutWhereTheyAreNotWanted(variable: String, value: String) throws {
    let store = try fallenBack()
    for command in ["ast tree --long", "ast status", "ast deployments", "ast nosuchverb"] {
      let screen = try Screen(columns: 80, "\(variable)=\(value) \(command)", store: store).finish()
      #expect(try screen.colouredRows() == screen.rows(), "\(command)")
      let coloured = try Screen(columns: 80, command, store: store).finish()
      #expect(try coloured.colouredRows() != coloured.rows(), "\(command)")
    }
    let piped = try Screen(columns: 80, "ast status | cat; ast nosuchverb 2>&1 | cat", store: store).finish()
    #expect(try piped.colouredRows() == piped.rows())
  }

  @Test(arguments: widths)
  func installationShowsHowFarItIs(columns: Int) throws {
    let slow = DebPackage(
      "slow", fields: ["Description": "a package with a description"], scripts: [.postinst: "sleep 5"])
    let packages = try PackageStore(publishing: [slow])
    let node = try packages.store.clone(0)
    let screen = try Screen(columns: columns, "ast install \(node) slow", store: packages.store)
    try screen.wait(for: "Change node \(node)? [Y/n]")
    #expect(try screen.rows().first == "Will be installed (1):")
    try screen.press("Enter")
    try screen.wait(for: "onfigur")
    let rows = try screen.rows()
    #expect(rows.last?.wholeMatch(of: /\[#+\.*\] +\d+% .*slow.*/) != nil, "\(rows)")
    #expect(rows == (try screen.lines().map(\.withoutTrailingSpace)), "\(rows)")
    _ = try screen.finish()
    #expect(try screen.rows().last?.hasPrefix("Node \(node): 1 installed, generation") == true)
  }

  @Test(arguments: ["dumb", ""])
  func aTerminalThatDoesNotRedrawGetsALineForEachStep(terminal: String) throws {
    let packages = try PackageStore(publishing: [DebPackage("tool")])
    let node = try packages.store.clone(0)
    let screen = try Screen(columns: 80, "TERM=\(terminal) ast install -y \(node) tool", store: packages.store).finish()
    let rows = try screen.rows()
    let steps = ["fetching the package indices", "planning", "changing the packages", "verifying", "committing"]
    #expect(rows.filter(steps.contains) == steps, "\(rows)")
    #expect(rows.last == "Node \(node): 1 installed, generation 2.", "\(rows)")
    #expect(try !screen.rows().contains { $0.contains("%") }, "\(rows)")
  }

  /// A store with a deployment that failed, and one that the machine fell back to.
  private func fallenBack() throws -> TestStore {
    let disk = try BootDisk()
    var store = disk.store
    store.ground = disk
    try store.ast("desc", "1", "the web server in the cellar").expectSuccess()
    for _ in 1...2 { try store.ast("deploy", "1").expectSuccess() }
    let tree = try TreeDatabase(opening: store.database, .writing)
    try tree.write { tree in
      try tree.setState(.good, of: DeploymentID(1))
      try tree.setState(.failed, of: DeploymentID(2), reason: "a health check failed")
    }
    return store
  }
}

extension String {
  fileprivate var withoutTrailingSpace: String { String(reversed().drop { $0 == " " }.reversed()) }
}
