import Btrfs
import FoundationEssentials
import Glibc
import SystemPackage
import TestSupport
import Testing

/// Commands that change many nodes at once: what they cost does not grow with each of them.
@Suite(.requiresRoot, .serialized) struct ManyNodesTests {
  /// A store with a tree of 64 nodes, whose top is node 1. Node 33 is the top of 32 of them.
  let store: TestStore

  init() throws {
    store = try TestStore()
    try store.ast("clone", "0", "top").expectSuccess()
    for doubled in 0..<6 {
      try store.ast("clone-tree", "1").expectSuccess()
      try store.ast("move", "\((1 << doubled) + 1)", "--under", "1").expectSuccess()
    }
  }

  /// The usual limit, and one that is lower than the number of nodes.
  private func ast(_ arguments: String..., files: Int = 1024) throws -> CommandResult {
    try run(
      ["prlimit", "--nofile=\(files):4096", AstBinary.path.string] + arguments,
      environment: plainEnvironment.merging(["AST_STORE": store.root.string]) { $1 })
  }

  /// How often a command waits for the disk.
  private func syncs(_ arguments: String...) throws -> Int {
    let trace = try LoopBtrfs.shared.newDirectory().appending("trace")
    try runSuccessfully(
      ["strace", "-f", "-qq", "-o", trace.string, "-e", "trace=fsync,fdatasync,syncfs", AstBinary.path.string]
        + ["--store", store.root.string] + arguments)
    return try String(contentsOfFile: trace.string, encoding: .utf8).lines.count
  }

  @Test func copiesOfATreeShareTransactionsOfTheFileSystem() throws {
    try ast("clone-tree", "1", files: 32).expectSuccess()
    let copies = try (65...128).map { try Subvolume(at: store.content(of: $0)).info() }
    let transactions = Set(copies.map(\.createdIn))
    #expect(transactions.count <= copies.count / 4)
    #expect(copies.map(\.isReadOnly) == copies.map { _ in true })
    #expect(try Consistency.problems(of: store) == [])
  }

  @Test func oldGenerationsOfManyNodesGoAsOneChange() throws {
    let generations = store.root.appending("nodes")
    func number() throws -> Int {
      try runSuccessfully(["find", generations.string, "-mindepth", "2", "-maxdepth", "2"]).lines.count
    }
    for file in ["/x", "/y"] {
      try store.ast("tree-run", "61", "touch", file).expectSuccess()
      try store.ast("run", "1", "touch", file).expectSuccess()
    }
    #expect(try number() == 65 + 2 * 5)
    try store.ast("tmp").expectSuccess()
    let several = try syncs("-y", "gc", "--keep", "1")
    #expect(try number() == 65 + 5)
    try store.ast("run", "1", "touch", "/z").expectSuccess()
    try store.ast("tmp").expectSuccess()
    #expect(try several == syncs("-y", "gc", "--keep", "1"))
    let history = try store.ast("history", "--json").expectSuccess().json["data"]["operations"].elements
    #expect(history.count { $0["kind"] == .text("gc") } == 6)
  }

  /// One that is in use stays, and the others do not wait for it.
  @Test func aNodeThatIsInUseKeepsNoOtherFromBeingCleaned() throws {
    for file in ["/x", "/y"] { try store.ast("tree-run", "61", "touch", file).expectSuccess() }
    let busy = try store.start(["run", "61", "sleep", "1000"])
    try store.awaitProcess(named: "sleep", in: 61)
    let result = try store.ast("-y", "gc", "--keep", "1").expectSuccess()
    busy.send(SIGKILL)
    _ = try busy.wait()
    #expect(result.stderr.hasPrefix("ast: skipped: node 61 is busy: "), "\(result)")
    #expect(try (61...64).map { try store.ast("list", "\($0)@1").status == 0 } == [true, false, false, false])
  }

  @Test func aTreeIsDeletedWithFewOpenFiles() throws {
    #expect(try ast("-y", "del", "1", files: 32).expectSuccess().stdout == "Node 1 with 63 below it deleted.\n")
    #expect(try Consistency.problems(of: store) == [])
  }
}
