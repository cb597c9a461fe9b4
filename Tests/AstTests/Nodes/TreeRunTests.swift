import Glibc
import SystemPackage
import TestSupport
import Testing

/// `ast tree-run`, and the network of a run.
@Suite("tree-run", .requiresRoot)
struct TreeRunTests {
  /// Node 1 with 2 and 3 below it, 4 below 2; and 5, a separate tree.
  let store: TestStore

  init() throws {
    store = try TestStore()
    for arguments in [["new"], ["branch", "1"], ["branch", "1"], ["branch", "2"], ["new"]] {
      try store.ast(arguments).expectSuccess()
    }
  }

  private func generations() throws -> [Int] {
    try (0...5).map { try store.report(NodeInfo.self, "info", "\($0)").generation }
  }

  @Test func everyNodeIsDoneOnceParentsFirst() throws {
    let result = try store.ast("tree-run", "1", "sh", "-c", "echo in $AST_NODE; echo $AST_NODE >/root/mark")
    #expect(result.status == 0)
    #expect(result.stdout == "in 1\nin 2\nin 4\nin 3\nTree 1: 4 of 4 nodes done.\n")
    #expect(result.stderr == [1, 2, 4, 3].map { "ast: node \($0): changes kept as generation 2\n" }.joined())
    #expect(try generations() == [1, 2, 2, 2, 2, 1])
    for node in 1...4 {
      #expect(try runSuccessfully(["cat", "\(store.content(of: node))/root/mark"]) == "\(node)\n")
    }
  }

  @Test func oneNodeWithoutChildrenIsATree() throws {
    let result = try store.ast("tree-run", "5", "touch", "/root/mark")
    #expect(result.stdout == "Tree 5: 1 of 1 nodes done.\n")
    #expect(try generations() == [1, 1, 1, 1, 1, 2])
  }

  @Test func failingNodeKeepsItsContentAndStopsNobody() throws {
    let result = try store.ast("tree-run", "1", "sh", "-c", "echo x >/root/mark; test $AST_NODE != 2")
    #expect(result.status == 6)
    #expect(result.stdout == "Tree 1: 3 of 4 nodes done.\n")
    #expect(
      result.stderr == """
        ast: node 1: changes kept as generation 2
        ast: node 2: exit status 1; changes discarded
        ast: node 4: changes kept as generation 2
        ast: node 3: changes kept as generation 2

        """)
    #expect(try generations() == [1, 2, 1, 2, 2, 1])
    #expect(try runSuccessfully(["ls", "\(store.content(of: 2))/root"]) == "")
  }

  @Test func programThatIsMissingFailsInEachNode() throws {
    let result = try store.ast("tree-run", "2", "no-such-program")
    #expect(result.status == 6)
    #expect(result.stdout == "Tree 2: 0 of 2 nodes done.\n")
    #expect(
      result.stderr == [2, 4].map { "ast: node \($0): no-such-program: program not found in the node\n" }.joined())
    #expect(try generations() == [1, 1, 1, 1, 1, 1])
  }

  @Test func nodeSomebodyWorksInCountsAsFailed() throws {
    let shell = try OuterShell(store)
    try shell.terminal.send("ast run 2 sh -c 'echo ready-$((1+1)); exec cat'\n")
    try shell.terminal.expect("ready-2")
    let result = try store.ast("tree-run", "1", "touch", "/root/mark")
    #expect(result.status == 6)
    #expect(result.stdout == "Tree 1: 3 of 4 nodes done.\n")
    let lines = result.stderr.split(separator: "\n")
    #expect(lines.count == 4)
    #expect(String(lines[1]).withoutTransactionOfHolder.hasPrefix("ast: node 2: node 2 is busy: `ast run 2 "))
    #expect(try generations() == [1, 2, 1, 2, 2, 1])
    try shell.terminal.send("\u{4}")
    #expect(try shell.returned(after: "").last == "ast: node 2: nothing was changed")
  }

  @Test func baseIsRefusedAndAnUnknownNodeNotFound() throws {
    #expect(try store.ast("tree-run", "9", "true").status == 3)
    let result = try store.ast("tree-run", "0", "touch", "/root/mark")
    #expect(result.status == 5)
    #expect(result.stdout == "")
    #expect(result.stderr.hasPrefix("ast: node 0 is the base: only `ast base-update` changes it\n"))
    #expect(try generations() == [1, 1, 1, 1, 1, 1])
  }

  @Test func controlCStopsAfterTheCurrentNode() throws {
    let shell = try OuterShell(store)
    let script = "echo x >/root/mark; test $AST_NODE = 1 || { echo at-$AST_NODE-$((1+1)); exec sleep 1000; }"
    try shell.terminal.send("ast tree-run 1 sh -c '\(script)'\n")
    try shell.terminal.expect("at-2-2")
    try shell.terminal.send("\u{3}")
    let shown = try shell.returned(after: "")
    #expect(shown.suffix(1) == ["Tree 1: interrupted; 1 of 2 nodes done."])
    #expect(try shell.status() == "130")
    #expect(try generations() == [1, 2, 1, 1, 1, 1])
    #expect(try store.ast("doctor").status == 0)
  }

  @Test(arguments: [SIGTERM, SIGHUP])
  func signalStopsAfterTheCurrentNode(signal: Int32) throws {
    let shell = try OuterShell(store)
    let script = "test $AST_NODE = 1 || { echo at-$AST_NODE-$((1+1)); exec sleep 1000; }"
    try shell.terminal.send("ast tree-run 1 sh -c '\(script)'\n")
    try shell.terminal.expect("at-2-2")
    kill(try store.lastOperation(of: 2).pid, signal)
    #expect(try shell.returned(after: "").suffix(1) == ["Tree 1: interrupted; 1 of 2 nodes done."])
    #expect(try shell.status() == "\(128 + signal)")
  }

  @Test(arguments: [
    ["run", "--no-network", "1"], ["tree-run", "--no-network", "3"], ["chroot", "--no-network", "1"],
  ])
  func withoutNetworkThereIsNone(command: [String]) throws {
    let look = command[0] == "chroot" ? [] : ["sh", "-c", "cat /proc/net/dev /proc/net/route"]
    let result = try store.ast(["--quiet"] + command + look, input: "cat /proc/net/dev /proc/net/route\n")
    #expect(result.status == 0)
    #expect(interfaces(in: result.stdout) == ["lo"])
    let open = try store.ast("-q", "run", "1", "cat", "/proc/net/dev")
    #expect(try interfaces(in: open.stdout) == interfaces(in: runSuccessfully(["cat", "/proc/net/dev"])))
  }

  private func interfaces(in table: String) -> [String] {
    table.split(separator: "\n").filter { $0.contains(":") && !$0.contains("|") && !$0.hasPrefix("Tree") }.map {
      $0.split(separator: ":")[0].split(separator: " ").joined()
    }
  }
}
