import FoundationEssentials
import Glibc
import SystemPackage
import TestSupport
import Testing

/// A way to damage a database: a shell command that runs in its directory.
private struct Damage: CustomStringConvertible {
  let description: String
  let command: String
  /// Whether the log is moved into the file first, so that it does not hide the damage.
  var afterCheckpoint = false
  /// Whether every verb notices the damage; only `doctor` reads unused pages.
  var isObvious = true
  /// Whether all verbs are tried, or only a few.
  var triesAll = false
}

private let damages = [
  Damage(description: "emptied", command: ": >tree.sqlite", triesAll: true),
  Damage(description: "emptied, log gone", command: ": >tree.sqlite; rm tree.sqlite-wal tree.sqlite-shm"),
  Damage(description: "half", command: "truncate --size=57344 tree.sqlite", afterCheckpoint: true),
  Damage(description: "first page only", command: "truncate --size=4096 tree.sqlite", afterCheckpoint: true),
  Damage(description: "a piece of the first page", command: "truncate --size=50 tree.sqlite", afterCheckpoint: true),
  Damage(description: "garbage", command: "head --bytes=114688 /dev/urandom >tree.sqlite"),
  Damage(
    description: "garbage in the middle",
    command: "dd if=/dev/urandom of=tree.sqlite bs=4096 seek=4 count=8 conv=notrunc status=none", afterCheckpoint: true,
    isObvious: false),
  Damage(description: "deleted", command: "rm tree.sqlite", triesAll: true),
  Damage(description: "deleted with its log", command: "rm tree.sqlite*"),
  Damage(description: "log deleted", command: "rm tree.sqlite-wal", triesAll: true),
  Damage(description: "log and index deleted", command: "rm tree.sqlite-wal tree.sqlite-shm"),
  Damage(description: "log garbage", command: "head --bytes=100000 /dev/urandom >tree.sqlite-wal"),
  Damage(
    description: "log cut off", command: "truncate --size=4152 tree.sqlite-wal"),
  Damage(
    description: "log garbage from the first frame on",
    command: "dd if=/dev/urandom of=tree.sqlite-wal bs=32 seek=1 count=1000 conv=notrunc status=none"),
  Damage(description: "another program's", command: "rm tree.sqlite*; sqlite3 tree.sqlite 'CREATE TABLE a (b)'"),
]

private let verbs = [
  ["tree"], ["tree", "--long"], ["status"], ["info", "1"], ["history"], ["new"], ["clone", "1"], ["branch", "1"],
  ["desc", "1", "x"], ["del", "--yes", "2"], ["run", "1", "touch", "/x"], ["tree-run", "1", "touch", "/x"],
  ["undo", "1"], ["tmp"], ["gc", "-y"], ["doctor"], ["init", "--directory", "/nonexistent"],
]

@Suite("Damaged store", .requiresRoot)
struct DamagedStoreTests {
  /// Node 1 with three generations, the middle one current; 2 and 4 below it; 3 and 5, the last, deleted.
  private func grownStore(at directory: FilePath? = nil) throws -> TestStore {
    let store = try TestStore(at: directory)
    try store.ast("clone", "0", "first \"one\"").expectSuccess()
    try store.ast("branch", "1", "zwei\nlines").expectSuccess()
    for name in ["a", "b"] { try store.ast("run", "1", "touch", "/root/\(name)").expectSuccess() }
    try store.ast("undo", "1").expectSuccess()
    try store.ast("clone", "0").expectSuccess()
    try store.ast("branch", "2").expectSuccess()
    try store.ast("clone", "0").expectSuccess()
    try store.ast("del", "--yes", "3").expectSuccess()
    // The log starts again: it has the following changes, which are too few to be moved into the file.
    try runSuccessfully(["sqlite3", store.database.string, "PRAGMA wal_checkpoint(TRUNCATE)"])
    try store.ast("del", "--yes", "5").expectSuccess()
    // The next change removes the remains of a deletion from the database.
    try store.ast("tmp").expectSuccess()
    return store
  }

  private func damage(_ store: TestStore, _ damage: Damage) throws {
    let directory = store.database.removingLastComponent()
    if damage.afterCheckpoint {
      try runSuccessfully(["sqlite3", store.database.string, "PRAGMA wal_checkpoint(TRUNCATE)"])
    }
    try runSuccessfully(["sh", "-c", damage.command], in: directory)
  }

  /// The facts of a tree that must survive a rebuild.
  private func facts(_ store: TestStore) throws -> Facts {
    // A subvolume with the same UUID that was read-only all the time has the same content.
    Facts(
      tree: try store.ast("tree").stdout, nodes: try store.ast("tree", "--json").expectSuccess().json["data"],
      links: try runSuccessfully(["find", "rootfs", "-printf", "%P %l\n"], in: store.root).lines.sorted())
  }

  private struct Facts: Equatable {
    let tree: String
    let nodes: JSON
    let links: [String]
  }

  @Test func everyVerbSaysWhatIsWrongAndARebuildBringsTheTreeBack() throws {
    let store = try grownStore()
    for (round, damage) in damages.enumerated() {
      try expectRecovery(from: damage, store, firstFree: 6 + round, nextGeneration: 4 + round)
      // In the next round, a deletion is the last change, and is in the log only.
      try runSuccessfully(["sqlite3", store.database.string, "PRAGMA wal_checkpoint(TRUNCATE)"])
      try store.ast("del", "--yes", "\(6 + round)").expectSuccess()
      try store.ast("tmp").expectSuccess()
    }
  }

  private func expectRecovery(from damage: Damage, _ store: TestStore, firstFree: Int, nextGeneration: Int) throws {
    let before = try (facts: facts(store), subvolumes: store.subvolumes())
    try self.damage(store, damage)
    let files = try files(of: store)
    for verb in tried(on: damage) {
      let result = try store.ast(verb)
      #expect(result.status == (verb[0] == "run" ? 125 : 1), "\(damage), \(verb): \(result)")
      #expect(result.stdout.isEmpty, "\(damage), \(verb)")
      let lines = result.stderr.lines
      #expect(lines.count == 2 && lines[0].hasSuffix("; nothing was changed"), "\(damage), \(verb): \(result.stderr)")
      #expect(
        lines.last == "     `ast doctor --rebuild` restores the tree from its record files and the subvolumes",
        "\(damage), \(verb)")
    }
    #expect(try self.files(of: store) == files, "\(damage)")
    #expect(try store.subvolumes() == before.subvolumes, "\(damage)")

    let rebuilt = try store.ast("doctor", "--rebuild", "--json").expectSuccess()
    #expect(try rebuilt.json["data"]["nodes"] == .number(4), "\(damage)")
    #expect(try rebuilt.json["data"]["notes"] == .array([]), "\(damage)")
    if case .text(let kept) = try rebuilt.json["data"]["damaged"] {
      try runSuccessfully(["test", "-e", kept])
    } else {
      #expect(damage.description.hasPrefix("deleted"), "\(damage)")
    }
    #expect(try facts(store) == before.facts, "\(damage)")
    #expect(try store.ast("doctor").expectSuccess().stdout == "", "\(damage)")
    // A deleted node's number is not reused, and the generations continue with their numbers.
    #expect(try store.ast("clone", "1").expectSuccess().stdout == "Node \(firstFree) cloned from 1.\n")
    #expect(
      try store.ast("run", "1", "sh", "-c", "echo >>/root/c").stderr
        == "ast: node 1: changes kept as generation \(nextGeneration)\n")
    #expect(try store.ast("doctor", "--rebuild").status == 5)
  }

  private func tried(on damage: Damage) -> [[String]] {
    guard damage.isObvious else { return [["doctor"]] }
    return verbs.filter {
      damage.triesAll || [["tree"], ["clone", "1"], ["del", "--yes", "2"], ["doctor"]].contains($0)
    }
  }

  private func files(of store: TestStore) throws -> String {
    try runSuccessfully(
      ["sh", "-c", "ls -1 nodes rootfs ast/nodes && cat ast/nodes/* && sha256sum ast/tree.sqlite || ls ast"],
      in: store.root)
  }

  @Test func aDamagedIndexOfTheLogIsMadeAnew() throws {
    let store = try grownStore()
    let before = try facts(store)
    for command in [
      "rm tree.sqlite-shm", "head --bytes=32768 /dev/urandom >tree.sqlite-shm", ": >tree.sqlite-shm",
    ] {
      try runSuccessfully(["sh", "-c", command], in: store.database.removingLastComponent())
      #expect(try facts(store) == before)
      try store.ast("doctor").expectSuccess()
    }
  }

  @Test func aSoundDatabaseIsNotRebuilt() throws {
    let store = try grownStore()
    let before = try store.state()
    let result = try store.ast("doctor", "--rebuild")
    #expect(result.status == 5)
    #expect(
      result.stderr
        == "ast: the database of \(store.root) is sound; nothing was changed\n     `ast doctor` checks the rest\n"
    )
    #expect(try store.state() == before)
  }

  @Test func aNewerVersionsDatabaseIsLeftToIt() throws {
    let store = try grownStore()
    try runSuccessfully([
      "sqlite3", store.database.string,
      "PRAGMA user_version = 99; UPDATE setting SET value = 99 WHERE key LIKE 'oldest-%'",
    ])
    let before = try store.state()
    for verb in verbs + [["doctor", "--rebuild"]] {
      let result = try store.ast(verb)
      #expect(result.status == (verb[0] == "run" ? 125 : 1), "\(verb)")
      #expect(result.stderr.contains("was written by a newer version"), "\(verb): \(result.stderr)")
    }
    #expect(try store.state() == before)
  }

  @Test func anOlderCopyOfTheDatabaseIsRefused() throws {
    let store = try grownStore()
    let directory = store.database.removingLastComponent()
    try runSuccessfully(["sqlite3", store.database.string, ".backup old.sqlite"], in: directory)
    try store.ast("clone", "0", "later").expectSuccess()
    let before = try facts(store)
    try runSuccessfully(["sh", "-c", "rm tree.sqlite-wal tree.sqlite-shm; mv old.sqlite tree.sqlite"], in: directory)
    let result = try store.ast("clone", "0")
    #expect(result.status == 1)
    #expect(
      result.stderr.lines.first == "ast: the database of \(store.root) has lost its last changes; nothing was changed")
    try store.ast("doctor", "--rebuild").expectSuccess()
    #expect(try facts(store) == before)
  }

  /// The deployments survive the loss of the database.
  @Test func deploymentsAreFoundAgain() throws {
    let disk = try BootDisk()
    let store = disk.store
    try store.ast("deploy", "1").expectSuccess()
    try store.ast("run", "1", "touch", "/etc/newer").expectSuccess()
    try store.ast("deploy", "1").expectSuccess()
    try runSuccessfully(["mkdir", "-p", "deploy/7/root"], in: store.root)
    let menu = try MenuFiles(of: store)
    let roots = try [1, 2].map { try TestStore.checksum(of: disk.root(of: $0)) }
    try runSuccessfully(["sh", "-c", "rm ast/tree.sqlite*"], in: store.root)

    let rebuilt = try store.ast("doctor", "--rebuild").expectSuccess()
    #expect(
      rebuilt.stderr == """
        ast: it is not known whether deployment 1 of node 1 boots; it is pinned
        ast: it is not known whether deployment 2 of node 1 boots; it is pinned
        ast: \(store.root)/deploy/7/root is not a deployment of any generation that is left; it was left alone

        """)
    #expect(try Consistency.problems(of: store) == ["deploy: 7 should not be there"])
    try store.ast("desc", "1", "what boots").expectSuccess()
    #expect(try [1, 2].map { try TestStore.checksum(of: disk.root(of: $0)) } == roots)
    let after = try MenuFiles(of: store)
    #expect(after.standard == menu.standard && Set(after.files) == Set(menu.files))
    #expect(try store.ast("deploy", "1").stdout == "Node 1 is deployment 8; it boots at the next start.\n")
  }

  @Test func recordsThatAreMissingGarbageOrStaleCostNoContent() throws {
    let store = try grownStore()
    let stale = try runSuccessfully(["cat", store.root.appending("ast/nodes/1.json").string])
    try store.ast("run", "1", "touch", "/root/late").expectSuccess()
    try store.ast("branch", "4", "lost").expectSuccess()
    try runSuccessfully(["sh", "-c", "cat >ast/nodes/1.json"], input: stale, in: store.root)
    try runSuccessfully(
      [
        "sh", "-c",
        "rm ast/nodes/2.json; head -c 500 /dev/urandom >ast/nodes/4.json; : >ast/nodes/6.json; rm ast/tree*",
      ], in: store.root)
    let before = try contents(store)
    let rebuilt = try store.ast("doctor", "--rebuild").expectSuccess()
    #expect(rebuilt.stdout == "Database rebuilt with 5 nodes.\n")
    #expect(
      rebuilt.stderr == """
        ast: the record of node 1 does not have generation 4: it was not the content of the node
        ast: node 2 has no readable record: its description and its parent are lost
        ast: node 4 has no readable record: its description and its parent are lost
        ast: node 6 has no readable record: its description and its parent are lost

        """)
    #expect(
      try store.ast("tree").stdout == """
        root
        ├── 0*- base snapshot
        ├── 1 - first "one"
        ├── 2 - recovered
        ├── 4 - recovered
        └── 6 - recovered

        """)
    #expect(try contents(store) == before)
    try store.ast("undo", "--to", "4", "1").expectSuccess()
    try store.ast("run", "1", "cat", "/root/late").expectSuccess()
    try store.ast("doctor").expectSuccess()
  }

  private func contents(_ store: TestStore) throws -> [String] {
    try ["0/1", "1/2", "1/4", "2/1", "4/1", "6/1"].map {
      try TestStore.checksum(of: store.root.appending("nodes/\($0)"))
    }
  }

  @Test func nothingIsBetterThanAWrongTree() throws {
    let store = try grownStore()
    try runSuccessfully(["sh", "-c", "rm ast/tree*; mv nodes/0 zero"], in: store.root)
    let before = try store.names()
    let result = try store.ast("doctor", "--rebuild")
    #expect(result.status == 1)
    #expect(
      result.stderr.lines.first
        == "ast: no generation of node 0 is left in \(store.root), so there is no tree to restore; nothing was changed")
    #expect(try store.names() == before)
  }

  @Test func aMovedStoreWorks() throws {
    let disk = try LoopBtrfs.small()
    defer { disk.remove() }
    let store = try grownStore(at: try disk.newDirectory())
    let before = try facts(store)
    let moved = disk.root.appending("moved")
    try runSuccessfully(["mv", store.root.string, moved.string])
    try runSuccessfully(["mkdir", disk.root.appending("elsewhere").string])
    let device = try runSuccessfully(["findmnt", "--noheadings", "--output", "SOURCE", disk.root.string]).lines[0]
    let elsewhere = disk.root.appending("elsewhere")
    try runSuccessfully([
      "mount", "--options", "subvol=moved", device.prefix { $0 != "[" }.description, elsewhere.string,
    ])
    defer { _ = try? run(["umount", elsewhere.string]) }
    for place in [moved, elsewhere] {
      let environment = ["AST_STORE": place.string]
      #expect(try store.ast("tree", environment: environment).expectSuccess().stdout == before.tree)
      try store.ast("run", "1", "sh", "-c", "echo >>/root/x", environment: environment).expectSuccess()
      #expect(try store.ast("doctor", environment: environment).expectSuccess().stdout == "")
    }
  }

  /// Such numbers would leave none for new nodes and generations.
  @Test func numbersInRecordsThatAreNotPlausibleAreNotBelieved() throws {
    let store = try grownStore()
    let records = store.root.appending("ast/nodes")
    try runSuccessfully(
      [
        "sed", "-i", "-e", "s/\"nextNode\" : [0-9]*/\"nextNode\" : 2147483647/",
        "-e", "s/\"nextGeneration\" : [0-9]*/\"nextGeneration\" : 2147483646/",
        "-e", "s/\"operation\" : [0-9]*/\"operation\" : 2147483647/", records.appending("1.json").string,
      ])
    #expect(try String(contentsOfFile: records.appending("1.json").string, encoding: .utf8).contains("2147483646"))
    // A FIFO would make the command wait, and a directory is none either.
    try runSuccessfully(["sh", "-c", "rm 2.json 4.json; mkfifo 2.json; mkdir 4.json; : >../tree.sqlite"], in: records)
    let rebuilt = try store.ast("doctor", "--rebuild").expectSuccess()
    let lost = rebuilt.stdout + rebuilt.stderr
    for words in [
      "the next node is 2147483647, which is not plausible",
      "its next generation is 2147483646, which is not plausible",
      "names operation t2147483647, which is not plausible",
      "node 2 has no readable record", "node 4 has no readable record",
    ] { #expect(lost.contains(words), "\(lost)") }
    try store.ast("run", "1", "touch", "/root/more").expectSuccess()
    try store.ast("clone", "1").expectSuccess()
    #expect(try store.ast("doctor").expectSuccess().stdout.lines.allSatisfy { $0.hasPrefix("repaired") })
  }

  /// The row of a deploy that was killed is lost with the others.
  @Test func whatAKilledDeployHasStagedGoesToo() throws {
    let store = try grownStore()
    let staged = ["deploy/.7", "deploy/.7.etc", "bases/.7"].map { store.root.appending($0) }
    for path in staged {
      try runSuccessfully(["mkdir", "-p", path.removingLastComponent().string])
      try runSuccessfully(["btrfs", "subvolume", "create", path.string])
    }
    try runSuccessfully(["sh", "-c", ": >tree.sqlite"], in: store.database.removingLastComponent())
    try store.ast("doctor", "--rebuild").expectSuccess()
    for path in staged { #expect(access(path.string, F_OK) != 0, "\(path)") }
    #expect(try store.ast("doctor").expectSuccess().stdout == "")
  }
}
