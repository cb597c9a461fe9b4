import Btrfs
import FoundationEssentials
import SnapshotTree
import SystemPackage
import TestSupport
import Testing

/// `etc-diff` and `etc-update` through the real binary, with deployments that are never booted.
@Suite("etc-diff and etc-update", .requiresRoot)
struct EtcVerbTests {
  let store: TestStore

  /// Node 1 with some files, and deployment 1 of it, which is the default.
  init() throws {
    store = try TestStore()
    try store.ast("clone", "0").expectSuccess()
    try change(1, "mkdir /etc/d; echo a >/etc/d/f; echo a >/etc/f; echo a >/etc/gone; echo node >/etc/hostname")
    try deploy()
  }

  private func change(_ node: Int, _ script: String) throws {
    try store.ast("run", "\(node)", "bash", "-euc", script).expectSuccess()
  }

  /// Deploys node 1 as far as these verbs need it.
  private func deploy() throws {
    let tree = try TreeDatabase(opening: store.database, .writing)
    try tree.write { tree in
      let id = try tree.allocateDeployment()
      let root = store.root.pushing(Deployment.path(of: id))
      try runSuccessfully(["mkdir", "-p", root.removingLastComponent().string])
      let made = try Subvolume(at: store.content(of: 1)).snapshot(to: root, readOnly: false)
      let generation = try #require(try tree.node(NodeID(1))?.current)
      try tree.insert(
        Deployment(
          id: id, node: NodeID(1), generation: generation, created: Date(),
          subvolume: SubvolumeUUID(try made.info().uuid)))
      try tree.setDefaultDeployment(id)
    }
  }

  /// Changes the /etc of deployment 1, as if it were running.
  private func edit(_ script: String) throws {
    let etc = store.root.appending("deploy/1/root/etc").string
    try runSuccessfully(["bash", "-euc", "cd \"$1\"; \(script)", "bash", etc])
  }

  /// The files in the /etc of a node: names, permissions and contents.
  /// Without what ast has put there.
  private func files(of node: Int) throws -> [String] {
    let script = "cd \"$1\"; find . -path ./dkms -prune -o -type f -printf '%P %m ' -exec head -n 1 {} \\; | sort"
    return try runSuccessfully(["bash", "-euc", script, "bash", store.content(of: node).appending("etc").string]).lines
  }

  private static let changes = """
    echo b >>f; rm gone; mkdir new; echo b >new/f; chmod 700 d; echo machine >hostname; touch ssh_host; \
    echo alice:x:1000:1000::/:/bin/sh >>passwd
    """

  @Test func etcDiffShowsWhatWasChanged() throws {
    #expect(try store.ast("etc-diff").expectSuccess().stdout == "")
    try edit(Self.changes)
    let result = try store.ast("etc-diff").expectSuccess()
    #expect(
      result.stdout == """
        M /etc/d (mode)
        M /etc/f (content)
        D /etc/gone
        M /etc/hostname (content, the machine's own)
        A /etc/new
        A /etc/new/f
        M /etc/passwd (content)
        A /etc/ssh_host

        """)
    #expect(result.stderr == "")
    try deploy()
    #expect(try store.ast("etc-diff").expectSuccess().stdout == "")
    #expect(try store.ast("etc-diff", "1").expectSuccess().stdout == result.stdout)
  }

  @Test func namesDoNothingToTheTerminal() throws {
    try edit("touch $'\\xff' $'a\\nb\\e[31m'")
    #expect(try store.ast("etc-diff").expectSuccess().stdout == "A /etc/a␊b␛[31m\nA /etc/\u{fffd}\n")
  }

  @Test func theSameFactsAreInJSON() throws {
    try edit("echo b >f; echo b >hostname; touch new; rm gone")
    let data = try store.ast("--json", "etc-diff").expectSuccess().json["data"]
    #expect(data.keys == ["changes", "deployment", "node"])
    #expect(data["deployment"] == .number(1))
    let changes = data["changes"].elements
    #expect(changes.map { $0["path"] } == ["/etc/f", "/etc/gone", "/etc/hostname", "/etc/new"].map(JSON.text))
    #expect(changes.map { $0["change"] } == ["changed", "removed", "changed", "added"].map(JSON.text))
    #expect(changes.map { $0["machinesOwn"] } == [false, false, true, false].map(JSON.bool))
    #expect(changes[0]["differences"] == .array([.text("content")]))
  }

  @Test func whatIsNotThereIsTold() throws {
    let unknown = try store.ast("etc-diff", "7")
    #expect(unknown.status == 3)
    #expect(unknown.stderr == "ast: there is no deployment 7\n     `ast deployments` shows them\n")
    let empty = try TestStore()
    for verb in ["etc-diff", "etc-update"] {
      let result = try empty.ast(verb)
      #expect(result.status == 3)
      #expect(
        result.stderr == "ast: nothing is deployed from \(empty.root)\n     `ast deploy` deploys a node\n")
      let nobody = try store.astAsNobody([verb])
      #expect(nobody.status == 1)
      #expect(nobody.stderr == "ast: `ast \(verb)` needs root (use sudo); nothing was changed\n")
    }
  }

  @Test func etcUpdateBringsTheChangesIntoTheNode() throws {
    try edit(Self.changes)
    let result = try store.ast("etc-update").expectSuccess()
    #expect(result.stdout == "Node 1: changes in /etc kept as generation 3.\n")
    #expect(result.stderr == "")
    let files = [
      "d/f 644 a", "f 644 a", "hostname 644 node", "new/f 644 b", "passwd 644 root:x:0:0:root:/root:/bin/bash",
      "ssh_host 644 ",
    ]
    #expect(try self.files(of: 1) == files)
    let node = try store.content(of: 1).appending("etc")
    #expect(try runSuccessfully(["cat", node.appending("f").string]) == "a\nb\n")
    #expect(
      try runSuccessfully(["tail", "-n", "1", node.appending("passwd").string]) == "alice:x:1000:1000::/:/bin/sh\n")
    #expect(try runSuccessfully(["stat", "--format=%a", node.appending("d").string]) == "700\n")
    // A clone has them; again there is nothing to do.
    try store.ast("clone", "1").expectSuccess()
    #expect(try self.files(of: 2) == files)
    let before = try store.subvolumes()
    let again = try store.ast("etc-update").expectSuccess()
    #expect(again.stdout == "Node 1: all changes in /etc are in it already; nothing was changed.\n")
    #expect(try store.subvolumes() == before)
    #expect(try store.ast("doctor").expectSuccess().stdout == "")
  }

  @Test func nothingChangedIsNoGeneration() throws {
    try edit("echo machine >hostname; touch machine-id hostid f")
    let before = try store.subvolumes()
    let result = try store.ast("etc-update").expectSuccess()
    #expect(try store.subvolumes() == before)
    #expect(result.stdout == "Node 1: all changes in /etc are in it already; nothing was changed.\n")
  }

  @Test func aConflictIsTold() throws {
    try edit("echo mine >f")
    try change(1, "echo theirs >/etc/f")
    let result = try store.ast("etc-update").expectSuccess()
    #expect(result.stdout == "Node 1: changes in /etc kept as generation 4.\n")
    #expect(
      result.stderr.lines == [
        "ast: node 1: /etc/f: changed here and by the new generation; yours stays, the new one is /etc/f.ast.dpkg-dist",
        "ast: the next start is of node 1 as it was; `ast deploy 1` brings what has changed",
      ])
    #expect(try files(of: 1).filter { $0.hasPrefix("f") } == ["f 644 mine", "f.ast.dpkg-dist 644 theirs"])
  }

  @Test func theSameIsInJSON() throws {
    try edit("echo mine >f")
    try change(1, "echo theirs >/etc/f")
    let json = try store.ast("--json", "etc-update").expectSuccess().json
    #expect(json["data"].keys == ["deployment", "etc", "generation", "node"])
    #expect(json["data"]["generation"] == .number(4))
    #expect(json["data"]["etc"]["conflicts"][0]["path"] == .text("/etc/f"))
    #expect(json["transaction"] != .null)
    #expect(try store.ast("--json", "etc-update").expectSuccess().json["data"]["generation"] == .null)
  }

  /// A generation that runs on trial: as the root, with changes of /etc in memory.
  @Test func onTrialItIsAboutWhatRuns() throws {
    let script = "echo trial >/etc/f; echo trial >/etc/hostname; ast etc-diff; ast etc-update"
    try edit("echo deployed >f")
    let output = try store.inside(store.content(of: 1), onTrial: true, script).expectSuccess().stdout
    #expect(
      output == """
        M /etc/f (content)
        M /etc/hostname (content, the machine's own)
        Node 1: changes in /etc kept as generation 3.

        """)
    #expect(
      try files(of: 1).filter { $0.contains("f ") || $0.contains("host") } == [
        "d/f 644 a", "f 644 trial", "hostname 644 node",
      ])
  }

  @Test func theBaseIsNotChanged() throws {
    let tree = try TreeDatabase(opening: store.database, .writing)
    try tree.write { tree in
      let id = try tree.allocateDeployment()
      let root = store.root.pushing(Deployment.path(of: id))
      try runSuccessfully(["mkdir", "-p", root.removingLastComponent().string])
      try Subvolume(at: store.content(of: 0)).snapshot(to: root, readOnly: false)
      try tree.insert(Deployment(id: id, node: .base, generation: GenerationNumber(1), created: Date()))
      try tree.setDefaultDeployment(id)
    }
    let result = try store.ast("etc-update")
    #expect(result.status == 5)
    #expect(
      result.stderr
        == "ast: node 0 is the base: only `ast base-update` changes it\n     clone it and change the clone\n")
  }

  @Test func aKillLeavesTheNodeAsItWasOrAsItIsToBe() throws {
    try edit(Self.changes)
    let before = try files(of: 1)
    try store.ast("etc-update").expectSuccess()
    let after = try files(of: 1)
    try store.ast("undo", "1").expectSuccess()
    // The account is registered by now.
    let points = try store.failPoints(of: ["etc-update"])
    #expect(points.contains("worked") && before != after)
    // Whether an old generation is deleted depends on how many there are by then.
    for point in Set(points) where point != "doomed subvolume deleted" {
      try store.ast("undo", "1").expectSuccess()
      if try files(of: 1) != before { try store.ast("undo", "1").expectSuccess() }
      #expect(try files(of: 1) == before)
      try store.kill(["etc-update"], at: point)
      try store.ast("new").expectSuccess()
      #expect(try store.ast("doctor").expectSuccess().stdout == "", "killed at \(point)")
      let files = try files(of: 1)
      #expect(files == before || files == after, "killed at \(point)")
      try store.ast("etc-update").expectSuccess()
      #expect(try self.files(of: 1) == after, "killed at \(point)")
    }
  }
}
