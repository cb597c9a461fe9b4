import Glibc
import SystemPackage
import TestSupport
import Testing

/// A store in which a transaction is open on node 1; it is aborted at the latest with the test.
final class OpenStore {
  let store: TestStore
  /// Its name: `t3`, unless it was opened again.
  private(set) var transaction = ""

  init(_ options: String..., environment: [String: String] = [:]) throws {
    store = try TestStore()
    try store.ast("clone", "0", "one").expectSuccess()
    try open(options, environment: environment)
  }

  deinit { _ = try? store.ast("abort", transaction) }

  /// Opens another one.
  func open(_ options: [String] = [], environment: [String: String] = [:]) throws {
    let result = try store.ast(["open"] + options + ["1"], environment: environment).expectSuccess()
    transaction = result.stdout.split(separator: "\n").joined()
  }

  /// Runs a command in it.
  @discardableResult
  func call(_ command: String..., input: String = "", environment: [String: String] = [:]) throws -> CommandResult {
    try store.ast(["call", transaction] + command, input: input, environment: environment)
  }

  /// Runs a script in it.
  @discardableResult
  func shell(_ script: String) throws -> CommandResult { try call("sh", "-c", script) }

  /// Starts a script in it.
  func start(_ script: String) throws -> StartedCommand { try store.start(["call", transaction, "sh", "-c", script]) }

  /// The process of the attendant.
  var attendant: pid_t {
    get throws {
      guard case .number(let pid) = try last["pid"] else { return 0 }
      return pid_t(pid)
    }
  }

  /// The last operation in the history.
  var last: JSON {
    get throws { try store.ast("history", "--json", "--limit", "1").json["data"]["operations"].elements[0] }
  }

  /// Expects that it was discarded for a reason, and that nothing is left of it.
  func expectDiscarded(_ reason: String) throws {
    #expect(try call("true").stderr == "ast: \(transaction) was discarded: \(reason)\n")
    #expect(try generation == 1)
    #expect(try Consistency.problems(of: store) == [])
  }

  /// The current generation of the node.
  var generation: Int? { get throws { try TreeListing(store).data.first { $0.node == 1 }?.generation } }
}
