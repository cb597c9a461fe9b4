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
}
