import SystemPackage
import TestSupport
import Testing

/// `ast-sync`: this ast in nodes.
@Suite(.requiresRoot) struct AstSyncTests {
  private let store: TestStore

  init() throws {
    store = try TestStore()
    for _ in 1...3 { try store.ast("clone", "0").expectSuccess() }
  }

  private func program(of node: Int) throws -> FilePath { try store.content(of: node).appending("usr/sbin/ast") }

  @Test func nodesGetItOnce() throws {
    let first = try store.ast("ast-sync", "1", "2").expectSuccess()
    #expect(first.stdout.hasSuffix(": 2 of 2 nodes done.\n"))
    #expect(first.stderr.lines == ["1", "2"].map { "ast: node \($0): changes kept as generation 2" })
    for node in 1...2 { try runSuccessfully(["cmp", AstBinary.path.string, program(of: node).string]) }
    let second = try store.ast("ast-sync").expectSuccess()
    #expect(second.stdout.hasSuffix(": 3 of 3 nodes done.\n"))
    #expect(
      second.stderr.lines == [
        "ast: node 1: nothing was changed", "ast: node 2: nothing was changed",
        "ast: node 3: changes kept as generation 2",
      ])
    #expect(try store.ast("doctor").expectSuccess().stdout == "")
  }

  @Test func oneThatCannotTakeItStopsNoOther() throws {
    try store.ast("run", "1", "sh", "-c", "mkdir -p /usr/lib && rm -rf /usr/lib/ast && : >/usr/lib/ast").expectSuccess()
    let result = try store.ast("ast-sync")
    #expect(result.status == 6)
    #expect(result.stdout.hasSuffix(": 2 of 3 nodes done.\n"))
    #expect(result.stderr.lines.first?.hasPrefix("ast: node 1: cannot install /usr/lib/ast/") == true)
    #expect(try store.report(NodeInfo.self, "info", "1").generation == 2)
  }

  @Test(arguments: [("0", 5), ("7", 3)])
  func nothingIsDoneWhereOneIsNot(node: String, status: Int) throws {
    #expect(try store.ast("ast-sync", "1", node).status == Int32(status))
    #expect(try store.report(NodeInfo.self, "info", "1").generation == 1)
  }

  /// What is deployed from a node has its own ast, and no network for it without passt.
  @Test func aNodeWithoutPasstIsNamed() throws {
    func add(_ version: String, to node: Int) throws {
      let paragraph = "\\nPackage: passt\\nStatus: install ok installed\\nArchitecture: amd64\\nVersion: \(version)\\n"
      try store.ast("run", "\(node)", "sh", "-c", "printf '\(paragraph)' >>/var/lib/dpkg/status").expectSuccess()
    }
    try add("0.0~git20250503.587980c-2+deb13u1", to: 1)
    try add("0.0~git20230309.7c7625d-1", to: 2)
    let settings = try LoopBtrfs.shared.newDirectory().appending("ast.toml")
    try runSuccessfully(["touch", settings.string])
    let result = try store.ast(["ast-sync"], environment: ["AST_CONFIG": settings.string]).expectSuccess()
    let warnings = result.stderr.lines.filter { $0.hasPrefix("ast: warning: ") }
    #expect(
      warnings
        == [2, 3].map {
          "ast: warning: node \($0) has no passt 0.0~git20250503 or newer: `ast install \($0) passt` before you deploy it"
        })
  }
}
