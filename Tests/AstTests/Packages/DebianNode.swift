import FoundationEssentials
import Glibc
import SystemPackage
import TestSupport

/// A node with a real Debian, for one test: a fresh clone in a store that all tests of this process share.
struct DebianNode {
  let store: TestStore
  let id: Int

  init(cloneOf parent: Int = 0) throws {
    store = try Self.store.get()
    id = try store.clone(parent)
  }

  private static let store = Result {
    let store = TestStore(existing: try LoopBtrfs.shared.newDirectory())
    try store.ast("init", "--tarball", try DebianRoot.archive(of: DebianRoot.suite).string).expectSuccess()
    return store
  }

  /// A node whose apt has the indices of the mirror; nil if the mirror cannot be reached.
  static let withPackageLists: Int? = {
    guard let node = try? DebianNode() else { return nil }
    let update = ["apt-get", "-o", "Acquire::Retries=0", "-o", "APT::Update::Error-Mode=any", "update"]
    return (try? node.run(update))?.status == 0 ? node.id : nil
  }()

  /// Runs a program in the node with `ast run`.
  func run(_ command: [String], input: String = "") throws -> CommandResult {
    try store.ast(["run", "\(id)"] + command, input: input)
  }

  /// Runs a script in the node with `ast run`; its arguments are the script's `$1` and so on.
  func shell(_ script: String, _ arguments: String..., input: String = "") throws -> CommandResult {
    try run(["sh", "-c", script, "sh"] + arguments, input: input)
  }

  /// The path of the node's content.
  var content: FilePath { get throws { try store.content(of: id) } }

  /// The text of a file in the node.
  func text(of file: String) throws -> String {
    try runSuccessfully(["cat", try content.appending(file).string])
  }

  /// The data of `ast info` for the node.
  func info() throws -> NodeInfo { try store.report(NodeInfo.self, "info", "\(id)") }

  /// The last entry of the node's history.
  func lastOperation() throws -> OperationEntry { try store.lastOperation(of: id) }
}

/// The members of `ast info --json` that the tests use.
struct NodeInfo: Decodable, Equatable {
  let generation: Int
  let previous: Int?
  let packages: Int?
}

/// The members of an entry of `ast history --json` that the tests use.
struct OperationEntry: Decodable, Equatable {
  let kind: String
  let state: String
  let message: String?
  let pid: Int32
}

/// The object that `--json` prints.
private struct Answer<Report: Decodable>: Decodable {
  let data: Report
}

private struct HistoryEntries: Decodable {
  let operations: [OperationEntry]
}

extension TestStore {
  /// The last entry of a node's history.
  func lastOperation(of node: Int) throws -> OperationEntry {
    let history = try report(HistoryEntries.self, "history", "--limit", "1", "\(node)")
    guard let last = history.operations.first else { throw Errno.noData }
    return last
  }

  /// A new node, cloned from another one.
  func clone(_ parent: Int) throws -> Int {
    struct Made: Decodable { let node: Int }
    return try report(Made.self, "clone", "\(parent)").node
  }

  /// The data of a command's `--json` object.
  func report<Report: Decodable>(_ kind: Report.Type, _ arguments: String...) throws -> Report {
    let result = try ast(arguments + ["--json"]).expectSuccess()
    return try JSONDecoder().decode(Answer<Report>.self, from: Data(result.stdout.utf8)).data
  }
}
