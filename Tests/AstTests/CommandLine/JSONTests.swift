import TestSupport
import Testing

/// The output of a verb with `--json`: the members of `data`, and of the elements of its arrays.
struct Shape {
  let verb: [String]
  var status: Int32 = 0
  let members: [String]
  /// A member of `data` ("" for `data` itself) that is an array of objects, and their members.
  var elements: [String: [String]] = [:]
  var hasTransaction = false
}

private let node = [
  "changed", "created", "deployments", "description", "generation", "isBooted", "isDefault", "node", "packages",
  "parent", "path", "pinned", "pinnedGenerations", "previous", "running", "size", "tags", "uuid",
]
private let operation = [
  "bootID", "command", "ended", "from", "generation", "id", "kind", "leader", "message", "node", "pid", "started",
  "state",
]
private let generation = ["created", "node", "number", "operation", "path", "size", "uuid"]
private let garbage = [
  "deployments", "failures", "free", "freed", "generations", "indices", "leftovers", "packageBytes", "packageFiles",
  "skipped", "spare", "sparedForRestoration", "undeleted",
]
private let restored = ["changes", "from", "generation", "node"]
private let runMembers = ["effect", "generation", "node", "status"]

/// In this order, on a store with node 0.
let verbsThatSucceed = [
  Shape(verb: ["new", "first"], members: ["node"], hasTransaction: true),
  Shape(verb: ["clone", "0"], members: ["node"], hasTransaction: true),
  Shape(verb: ["branch", "1"], members: ["node"], hasTransaction: true),
  Shape(verb: ["cbranch", "3"], members: ["node"], hasTransaction: true),
  Shape(verb: ["ubranch", "1", "2"], members: ["node"], hasTransaction: true),
  Shape(verb: ["clone-tree", "1"], members: ["nodes"], hasTransaction: true),
  Shape(verb: ["desc", "1", "text"], members: ["node"], hasTransaction: true),
  Shape(verb: ["move", "2", "--under", "1"], members: ["moved", "node", "parent"], hasTransaction: true),
  Shape(verb: ["move", "2", "--under", "1"], members: ["moved", "node", "parent"]),
  Shape(verb: ["move", "2", "--top"], members: ["moved", "node", "parent"], hasTransaction: true),
  Shape(verb: ["run", "1", "touch", "/root/x"], members: runMembers, hasTransaction: true),
  Shape(verb: ["run", "1", "true"], members: runMembers, hasTransaction: true),
  Shape(verb: ["run", "1", "sh", "-c", "exit 33"], status: 33, members: runMembers, hasTransaction: true),
  Shape(verb: ["chroot", "1"], members: runMembers, hasTransaction: true),
  Shape(verb: ["edit-conf", "1"], members: runMembers, hasTransaction: true),
  Shape(verb: ["undo", "1"], members: ["generation"], hasTransaction: true),
  Shape(verb: ["config", "-N", "2", "--set", "updates.policy=off"], members: runMembers, hasTransaction: true),
  Shape(verb: ["undo", "--operation", "t17"], members: ["leftOut", "nodes"], hasTransaction: true),
  Shape(verb: ["tag", "1", "golden"], members: ["generation", "name", "node"], hasTransaction: true),
  Shape(verb: ["tag", "1@1", "first"], members: ["generation", "name", "node"], hasTransaction: true),
  Shape(verb: ["tag"], members: ["tags"], elements: ["tags": ["generation", "name", "node"]]),
  Shape(verb: ["pin", "1@2"], members: ["generation", "node"], hasTransaction: true),
  Shape(verb: ["info", "golden"], members: node),
  Shape(verb: ["info", "first"], members: node),
  Shape(verb: ["restore", "-n", "1@2", "/root/x"], members: restored),
  Shape(verb: ["restore", "1@2", "/root/x"], members: restored, hasTransaction: true),
  Shape(verb: ["unpin", "1@2"], members: ["generation", "node"], hasTransaction: true),
  Shape(verb: ["tag", "--delete", "golden"], members: ["generation", "name", "node"], hasTransaction: true),
  Shape(verb: ["tag", "--delete", "first"], members: ["generation", "name", "node"], hasTransaction: true),
  Shape(
    verb: ["tree-run", "1", "touch", "/root/y"], members: ["nodes"], elements: ["nodes": ["error", "node", "run"]],
    hasTransaction: true),
  Shape(
    verb: ["tree-run", "1", "false"], status: 6, members: ["nodes"], elements: ["nodes": ["error", "node", "run"]],
    hasTransaction: true),
  Shape(verb: ["tree"], members: [], elements: ["": node]),
  Shape(verb: ["tree", "--long"], members: [], elements: ["": node]),
  Shape(
    verb: ["status"],
    members: [
      "available", "bootLoader", "bootedNode", "defaultNode", "deployments", "etc", "networkIsolation", "nodes",
      "operations", "running", "size", "store", "trial", "used",
    ]),
  Shape(verb: ["watch"], members: ["operations"]),
  Shape(
    verb: ["cancel", "t1"], status: 1, members: ["cancelled", "operation", "operations", "outcome"],
    elements: ["operations": operation]),
  Shape(verb: ["info", "1"], members: node),
  Shape(verb: ["info", "t1"], members: ["operations"], elements: ["operations": operation]),
  Shape(verb: ["history"], members: ["generations", "operations"], elements: ["operations": operation]),
  Shape(
    verb: ["history", "1"], members: ["generations", "operations"],
    elements: ["operations": operation, "generations": generation]),
  Shape(verb: ["list", "1"], members: ["packages"], elements: ["packages": ["architecture", "name", "version"]]),
  Shape(verb: ["which", "alpha"], members: ["found"], elements: ["found": ["node", "package"]]),
  Shape(verb: ["which", "nope"], status: 3, members: ["found"]),
  Shape(verb: ["diff", "0", "1"], members: ["files", "packages"]),
  Shape(
    verb: ["du", "1"], members: ["exclusive", "nodes", "store"],
    elements: ["nodes": ["description", "exclusive", "node", "referenced", "sharedWithParent"]]),
  Shape(verb: ["tmp"], members: ["cleared"]),
  Shape(verb: ["config"], members: ["settings"], elements: ["settings": ["file", "key", "line", "value"]]),
  Shape(verb: ["check"], members: ["failed", "refusedKey", "scheduled", "updates", "waiting"]),
  Shape(verb: ["gc", "-n"], members: garbage),
  Shape(verb: ["gc"], members: garbage),
  Shape(
    verb: ["dedupe"], members: ["nodes"], elements: ["nodes": ["bytes", "error", "files", "node", "result"]]),
  Shape(verb: ["doctor"], members: ["findings"]),
  Shape(verb: ["del", "--simulate", "1"], members: ["nodes"]),
  Shape(verb: ["del", "--yes", "1"], members: ["nodes"], hasTransaction: true),
  Shape(verb: ["version"], members: ["version"]),
  Shape(verb: ["open", "2"], members: ["node", "timeout"], hasTransaction: true),
  Shape(verb: ["call", "t35", "true"], members: ["status"], hasTransaction: true),
  Shape(verb: ["call", "t35", "sh", "-c", "exit 33"], status: 33, members: ["status"], hasTransaction: true),
  Shape(verb: ["close", "t35"], members: ["effect", "generation"], hasTransaction: true),
  Shape(verb: ["open", "--no-network", "2"], members: ["node", "timeout"], hasTransaction: true),
  Shape(verb: ["abort", "t36"], members: ["effect", "generation"], hasTransaction: true),
]

/// In this order, on the store as the successes left it.
let verbsThatFail: [(verb: [String], status: Int32, code: String)] = [
  (["info", "999"], 3, "not-found"), (["history", "999"], 3, "not-found"), (["clone", "999"], 3, "not-found"),
  (["branch", "999"], 3, "not-found"), (["cbranch", "999"], 3, "not-found"), (["ubranch", "0", "999"], 3, "not-found"),
  (["clone-tree", "999"], 3, "not-found"), (["desc", "999", "x"], 3, "not-found"), (["undo", "999"], 3, "not-found"),
  (["del", "--yes", "999"], 3, "not-found"), (["tree-run", "999", "true"], 3, "not-found"),
  (["move", "999", "--top"], 3, "not-found"), (["move", "0", "--top"], 5, "refused"), (["move", "1"], 2, "usage"),
  (["undo", "--operation", "t999"], 3, "not-found"), (["undo", "--operation", "t1"], 5, "nothing-to-do"),
  (["info", "t999"], 3, "not-found"), (["config", "-N", "999", "--set", "updates.policy=off"], 3, "not-found"),
  (["config", "-N", "2", "--set", "x=1"], 2, "usage"),
  (["edit-conf", "999"], 3, "not-found"), (["run", "999", "true"], 125, "not-found"),
  (["chroot", "999"], 125, "not-found"), (["current"], 3, "not-found"), (["del", "--yes", "0"], 5, "refused"),
  (["live-chroot"], 125, "refused"), (["deploy", "1"], 5, "refused"), (["rollback"], 5, "refused"),
  (["pin", "1"], 3, "not-found"), (["pin", "2@9"], 3, "not-found"), (["tag", "--delete", "x"], 3, "not-found"),
  (["tag", "2@9", "x"], 3, "not-found"), (["restore", "2@1", "/nope"], 3, "not-found"),
  (["info", "2@9"], 3, "not-found"), (["clone", "2@-1"], 3, "not-found"), (["deploy"], 2, "usage"),
  (["install", "999", "x"], 3, "not-found"),
  (["install", "--live", "2", "x"], 5, "refused"),
  (["upgrade", "0"], 5, "refused"),
  (["tree-upgrade", "999"], 3, "not-found"), (["install", "2"], 2, "usage"), (["sync", "0"], 5, "refused"),
  (["run", "0", "true"], 125, "refused"), (["run", "2", "/nonexistent"], 127, "failed"), (["undo", "2"], 5, "refused"),
  (["doctor", "--rebuild"], 5, "refused"), (["init", "--directory", "/nonexistent"], 5, "refused"),
  (["del", "2"], 2, "needs-answer"), (["new", String(repeating: "x", count: 4097)], 2, "usage"),
  (["info", "x"], 3, "not-found"),
  (["info", "-1"], 2, "usage"), (["info"], 2, "usage"), (["nope"], 2, "usage"), (["tree", "--nope"], 2, "usage"),
  (["open", "999"], 3, "not-found"), (["open", "0"], 5, "refused"), (["open", "--timeout", "1", "2"], 2, "usage"),
  (["call", "t999", "true"], 125, "not-found"), (["call", "2", "true"], 2, "usage"), (["close", "t1"], 5, "refused"),
  (["close", "2"], 2, "usage"), (["abort", "t999"], 3, "not-found"),
  (["run", "2"], 2, "usage"), (["watch", "t999"], 3, "not-found"), (["cancel", "t999"], 3, "not-found"),
  (["cancel", "17"], 2, "usage"), (["tree", "--store", "/nonexistent"], 3, "not-found"),
]

@Suite("JSON", .requiresRoot)
struct JSONTests {
  @Test func isOneObjectOfAStableShapeWithTheSameExitStatus() throws {
    let store = try TestStore()
    for shape in verbsThatSucceed {
      let result = try store.ast(["--json"] + shape.verb, environment: ["EDITOR": "sh -c 'echo \"#x\" >>\"$0\"'"])
      #expect(result.status == shape.status, "\(shape.verb): \(result)")
      #expect(result.stderr == "", "\(shape.verb)")
      #expect(result.stdout.hasSuffix("}\n") && result.stdout.utf8.count { $0 == 10 } == 1, "\(shape.verb)")
      let object = try result.json
      #expect(object.keys == ["apiVersion", "data", "error", "transaction"], "\(shape.verb)")
      #expect(object["apiVersion"] == .number(1))
      #expect(object["error"] == .null, "\(shape.verb)")
      #expect((object["transaction"] != .null) == shape.hasTransaction, "\(shape.verb)")
      #expect(object["data"].keys == shape.members, "\(shape.verb)")
      for (member, keys) in shape.elements {
        let elements = (member.isEmpty ? object["data"] : object["data"][member]).elements
        #expect(!elements.isEmpty, "\(shape.verb)")
        for element in elements { #expect(element.keys == keys, "\(shape.verb)") }
      }
    }
  }

  @Test func tellsFailuresInTheSameShape() throws {
    let store = try TestStore()
    for _ in 0..<2 { try store.ast("clone", "0").expectSuccess() }
    for (verb, status, code) in verbsThatFail {
      // The option can be anywhere, except after the program of `run`.
      let result = try store.ast(["--json"] + verb)
      #expect(result.status == status, "\(verb): \(result)")
      #expect(result.stderr == "", "\(verb)")
      let object = try result.json
      #expect(object.keys == ["apiVersion", "data", "error", "transaction"], "\(verb)")
      // Only one of them has begun something.
      let hasBegun = verb == ["run", "2", "/nonexistent"]
      #expect(object["data"] == .null && (object["transaction"] == .null) != hasBegun, "\(verb)")
      #expect(object["error"].keys == ["code", "hint", "holder", "log", "message", "state"], "\(verb)")
      #expect(object["error"]["code"] == .text(code), "\(verb)")
      let plain = try store.ast(verb)
      #expect(plain.status == status, "\(verb)")
      #expect(plain.stdout == "", "\(verb)")
      guard case .text(let message) = object["error"]["message"] else {
        Issue.record("no message: \(verb)")
        continue
      }
      #expect(plain.stderr.lines.first == "ast: \(message)", "\(verb)")
    }
    #expect(try store.astAsNobody(["--json", "new"]).json["error"]["code"] == .text("needs-root"))
  }

  @Test func aProgramsOutputStaysOutOfTheObject() throws {
    let store = try TestStore()
    try store.ast("clone", "0").expectSuccess()
    let result = try store.ast("run", "--json", "1", "sh", "-c", "echo to-output; echo to-error >&2; touch /root/x")
    #expect(result.stderr.lines.sorted() == ["to-error", "to-output"])
    #expect(try result.json["data"]["effect"] == .text("committed"))
    let plain = try store.ast("run", "1", "sh", "-c", "echo \"$0\"", "--json")
    #expect(plain.stdout == "--json\n")
  }

  @Test func initTellsWhereTheStoreIs() throws {
    let root = try LoopBtrfs.shared.newDirectory()
    let result = try run([
      AstBinary.path.string, "--json", "init", "--store", root.string, "--directory", TinyRoot.path.string,
    ])
    #expect(result.stderr == "")
    #expect(try result.json["data"] == .object(["store": .text(root.string)]))
  }
}

@Suite("Help", .requiresRoot)
struct HelpTests {
  private func ast(_ arguments: String...) throws -> CommandResult {
    try run([AstBinary.path.string] + arguments)
  }

  @Test func everyVerbExplainsItself() throws {
    let overview = try ast("help").expectSuccess()
    #expect(overview.stderr == "")
    #expect(try ast("--help") == overview)
    for verb in [
      "tree", "current", "desc", "new", "clone", "clone-tree", "branch", "cbranch", "ubranch", "move", "del", "chroot",
      "run",
      "tree-run", "edit-conf", "undo", "restore", "tag", "status", "watch", "cancel", "info", "history", "du", "init",
      "doctor", "gc",
      "tmp", "version",
      "live-chroot", "config", "dedupe",
      "install", "remove", "upgrade", "tree-upgrade", "tree-rmpkg", "sync", "force-sync", "base-update",
      "auto-upgrade", "check", "hold", "unhold", "refresh", "list", "which", "diff", "search", "show", "updates",
    ] {
      let help = try ast("help", verb).expectSuccess()
      #expect(help.stderr == "")
      #expect(help.stdout.contains("USAGE: ast \(verb) "), "\(verb)")
      #expect(help.stdout.lines.allSatisfy { $0.count <= 80 }, "\(verb): \(help.stdout)")
      let usage = try #require(help.stdout.lines.first { $0.hasPrefix("USAGE: ") })
      #expect(
        usage.hasPrefix("USAGE: ast \(verb) [<options>]") && !usage.contains("--s") && !usage.contains("[-"), "\(usage)"
      )
      let headings = help.stdout.lines.filter { $0.hasSuffix("S:") }
      #expect(headings.last == "OPTIONS:", "\(verb): \(headings)")
      #expect(
        help.stdout.hasSuffix("\n\nOptions of every verb, such as --json and --yes: see `ast help`.\n"),
        "\(verb): \(help.stdout)")
      #expect(!help.stdout.contains("  --store <dir>"), "\(verb)")
      #expect(try ast(verb, "--help") == help, "\(verb)")
      #expect(try ast(verb, "-h") == help, "\(verb)")
      #expect(overview.stdout.lines.contains { $0.hasPrefix("  \(verb)") }, "\(verb)")
    }
    let order = ["TREE VERBS:", "OPTIONS OF EVERY VERB:"].map { overview.stdout.lines.firstIndex(of: $0) ?? -1 }
    #expect(order[0] > 0 && order[1] > order[0])
    #expect(overview.stdout.lines[order[1]...].contains { $0.hasPrefix("  --store <dir>") })
    #expect(overview.stdout.lines.last == "  See 'ast help <verb>' for detailed help.")
    #expect(overview.stdout.lines.allSatisfy { $0.count <= 80 && !$0.lowercased().contains("subcommand") })
    #expect(try ast("help", "nope").status == 2)
    #expect(try ast("version").expectSuccess().stdout == "ast \(ast("--version").expectSuccess().stdout)")
  }

  @Test func usageErrorsGoToStandardError() throws {
    for arguments in [["nope"], ["info"], ["tree", "--nope"], ["tree", "x"]] {
      let result = try run([AstBinary.path.string] + arguments)
      #expect(result.status == 2)
      #expect(result.stdout == "")
      #expect(result.stderr.hasPrefix("ast: "))
    }
  }
}
