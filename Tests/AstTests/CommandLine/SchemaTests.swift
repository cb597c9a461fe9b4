import Glibc
import TestSupport
import Testing

/// What the verbs print is what the schemas in /usr/share/ast/schema say.
@Suite("Schemas", .requiresRoot)
struct SchemaTests {
  private static let options = ["--json", "--progress=json"]

  /// Runs a command for programs, and keeps what it printed.
  private func run(
    _ words: [String], on store: TestStore, into schemas: inout Schemas, environment: [String: String] = [:]
  ) throws -> CommandResult {
    let result = try store.ast(Self.options + words, environment: environment)
    schemas.add(result, of: words)
    return result
  }

  @Test func verbsOfTheStore() throws {
    let store = try TestStore()
    var schemas = Schemas()
    let editor = ["EDITOR": "sh -c 'echo \"#x\" >>\"$0\"'"]
    for shape in verbsThatSucceed {
      let end = try run(shape.verb, on: store, into: &schemas, environment: editor)
      #expect(end.status == shape.status, "\(shape.verb): \(end)")
    }
    try store.ast("clone", "0").expectSuccess()
    for failure in verbsThatFail { _ = try run(failure.verb, on: store, into: &schemas) }
    let busy = try store.start(["run", "2", "sleep", "1000"])
    try store.awaitProcess(named: "sleep", in: 2)
    #expect(try run(["run", "2", "true"], on: store, into: &schemas).status == 125)
    busy.send(SIGTERM)
    _ = try busy.wait()
    let stopped = try store.start(Self.options + ["run", "2", "sleep", "1000"])
    try store.awaitProcess(named: "sleep", in: 2)
    stopped.send(SIGTERM)
    schemas.add(try stopped.wait(), of: ["run"])
    #expect(try schemas.problems() == [])
  }

  @Test func verbsOfPackages() throws {
    let tool = DebPackage("tool", files: ["/usr/share/tool": "hammer\n"])
    let broken = DebPackage("broken", scripts: [.postinst: "echo why >&2; exit 1"])
    let node = try PackageNode(in: PackageStore(publishing: [tool, broken]))
    _ = try node.branch()
    let id = "\(node.id)"
    var schemas = Schemas()
    let commands: [([String], Int32)] = [
      (["refresh", id], 0), (["updates", id], 0), (["install", "-n", id, "tool"], 0), (["install", id, "tool"], 0),
      (["install", id, "tool"], 0), (["install", id, "broken"], 1), (["install", id, "nope"], 3),
      (["hold", id, "tool"], 0), (["hold", id], 0), (["unhold", id, "tool"], 0), (["search", "-N", id, "tool"], 0),
      (["show", "-N", id, "tool"], 0), (["list", id], 0), (["which", "tool"], 0), (["diff", "0", id], 0),
      (["tree-upgrade", id], 0), (["tree-upgrade", "-n", id], 0), (["sync", id], 0), (["tree-rmpkg", id, "tool"], 0),
      (["upgrade", id], 0), (["auto-upgrade", id], 0), (["check"], 0), (["remove", id, "tool"], 0),
      (["base-update"], 0),
    ]
    for (words, status) in commands {
      let end = try run(words, on: node.store, into: &schemas)
      #expect(end.status == status, "\(words): \(end)")
    }
    #expect(try schemas.problems() == [])
  }

  @Test func verbsOfDeployments() throws {
    let disk = try BootDisk()
    var schemas = Schemas()
    let commands: [([String], Int32)] = [
      (["deploy", "-n", "1"], 0), (["deploy", "1"], 0), (["deploy", "1"], 0), (["deployments"], 0), (["pin", "d1"], 0),
      (["unpin", "d1"], 0), (["status"], 0), (["info", "1"], 0), (["rollback", "--to", "d1"], 0), (["etc-diff"], 0),
      (["etc-update"], 0), (["ast-sync", "1"], 0), (["gc"], 0), (["doctor"], 0), (["deploy", "99"], 3),
    ]
    for (words, status) in commands {
      let end = try run(words, on: disk.store, into: &schemas)
      #expect(end.status == status, "\(words): \(end)")
    }
    #expect(try schemas.problems() == [])
  }

  /// One failure of each code that the others do not meet.
  @Test func failuresOfTheMachine() throws {
    let disk = try LoopBtrfs.small()
    defer { disk.remove() }
    let store = try TestStore(at: try disk.newDirectory())
    try store.ast("clone", "0").expectSuccess()
    try store.ast("branch", "1").expectSuccess()
    var schemas = Schemas()
    // What is done in a part of a tree is in the data.
    let words = ["tree-run", "1", "sh", "-c", "touch /root/x; test $AST_NODE = 1"]
    #expect(try run(words, on: store, into: &schemas).status == 6)
    let full = try run(["run", "1", "dd", "if=/dev/zero", "of=/root/big", "bs=1M"], on: store, into: &schemas)
    #expect(try full.status == 7 && full.json["error"]["code"] == .text("no-space"), "\(full)")
    let user = try store.astAsNobody(Self.options + ["clone", "1"])
    schemas.add(user, of: ["clone"])
    #expect(try user.json["error"]["code"] == .text("needs-root"))
    try runSuccessfully(["dd", "if=/dev/zero", "of=\(store.database)", "bs=4096", "count=1", "conv=notrunc"])
    let damaged = try run(["clone", "1"], on: store, into: &schemas)
    #expect(try damaged.json["error"]["code"] == .text("damaged"), "\(damaged)")
    #expect(try schemas.problems() == [])
  }

  /// Without this, a checker that accepts everything would pass.
  @Test func whatDoesNotFitIsFound() throws {
    var schemas = Schemas()
    let envelope = #"{"apiVersion":1,"data":{"node":"x"},"error":null,"transaction":null}"#
    schemas.add(object: envelope, events: [#"{"event":"other"}"#], of: ["new"])
    #expect(try schemas.problems().count == 2)
  }
}
