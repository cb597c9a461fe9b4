import FoundationEssentials
import SystemPackage
import TestSupport
import Testing

/// The program that `Tests/Boot/older-ast` makes, which takes long.
private enum OlderAst {
  static let path: FilePath = {
    let variables = ProcessInfo.processInfo.environment
    let cache = variables["AST_CACHE"] ?? "\(variables["HOME"] ?? "/root")/.cache/ast"
    return FilePath(cache).appending("ast-0.1.0-9d4ee94")
  }()

  static var isThere: Bool { FileManager.default.isExecutableFile(atPath: path.string) }
}

/// ast 0.1.0 on the same store: it runs in deployments that people go back to. Without it in the cache, this is left to
/// the boot tests.
@Suite("ast 0.1.0 on the same store", .requiresRoot, .enabled(if: OlderAst.isThere))
struct OlderAstTests {
  private let store: TestStore

  init() throws {
    store = try TestStore()
    for arguments in [["new"], ["branch", "1"], ["new"], ["branch", "3", "leaf"]] {
      try store.ast(arguments).expectSuccess()
    }
  }

  @discardableResult private func older(_ arguments: String...) throws -> CommandResult {
    try run(
      [OlderAst.path.string] + arguments, environment: plainEnvironment.merging(["AST_STORE": store.root.string]) { $1 }
    )
  }

  @Test func readsAndWritesWhatWasMoved() throws {
    try store.ast("move", "1", "--under", "leaf").expectSuccess()
    try store.ast("tree-run", "3", "touch", "/first").expectSuccess()
    try store.ast("undo", "--operation", "t8").expectSuccess()
    try store.ast("config", "-N", "2", "--set", "updates.policy=off").expectSuccess()
    #expect(try older("tree").expectSuccess().stdout == store.ast("tree").stdout)
    try older("history").expectSuccess()
    // It makes nodes below moved ones, works on the tree, and deletes it.
    try older("branch", "2", "by", "0.1.0").expectSuccess()
    #expect(try older("tree-run", "3", "touch", "/second").expectSuccess().stdout == "Tree 3: 5 of 5 nodes done.\n")
    try older("clone-tree", "4").expectSuccess()
    try older("undo", "5").expectSuccess()
    #expect(try older("doctor").expectSuccess().stdout == "")
    #expect(try older("tree").stdout == store.ast("tree").stdout)
    #expect(try Consistency.findingsOfDoctor(store) == [])
    // Each of its operations is a command of its own, and can be taken back.
    let last = try store.ast("history", "--limit", "3", "1", "--json").json["data"]["operations"][0]
    #expect(last["leader"] == .null && last["kind"] == .text("tree-run"))
    guard case .number(let id) = last["id"] else { throw Errno.noData }
    #expect(try store.ast("undo", "--operation", "t\(Int(id))").expectSuccess().stdout.lines.count == 1)
    try store.ast("move", "5", "--top").expectSuccess()
    try older("-y", "del", "3").expectSuccess()
    #expect(try TreeListing(store).data.first { $0.node == 5 }?.parent == .none)
    #expect(try Consistency.problems(of: store) == [])
  }

  /// The records of ast 0.2.0 are read by 0.1.0, and the other way round.
  @Test func rebuildsFromTheRecords() throws {
    try store.ast("move", "1", "--under", "leaf").expectSuccess()
    let before = try StoreContents(store)
    try runSuccessfully(["sh", "-c", "rm \(store.database)*"])
    let rebuilt = try older("doctor", "--rebuild").expectSuccess()
    #expect(!rebuilt.stdout.contains("no readable record"), "\(rebuilt)")
    let after = try StoreContents(store)
    #expect(after.nodes[1]?.parent == .none && after.nodes[1]?.description == before.nodes[1]?.description)
    #expect(after.nodes[2] == before.nodes[2])
    try store.ast("move", "1", "--under", "leaf").expectSuccess()
    try older("desc", "1", "by 0.1.0").expectSuccess()
    try older("tmp").expectSuccess()
    try runSuccessfully(["sh", "-c", "rm \(store.database)*"])
    try store.ast("doctor", "--rebuild").expectSuccess()
    #expect(try TreeListing(store).data.first { $0.node == 1 }?.parent == 4)
  }
}
