import FoundationEssentials
import SystemPackage
import TestSupport
import Testing

@Suite("Doctor", .requiresRoot)
struct DoctorTests {
  private func store() throws -> TestStore {
    let store = try TestStore()
    try store.ast("clone", "0", "one").expectSuccess()
    try store.ast("clone", "0", "two").expectSuccess()
    // The next change checks the published files again.
    try store.ast("tmp").expectSuccess()
    return store
  }

  private func subvolume(_ verb: String, _ arguments: FilePath...) throws {
    try runSuccessfully(["btrfs", "subvolume", verb] + arguments.map(\.string))
  }

  /// `doctor` finds exactly this, and node 2 can still be changed.
  private func expectFindings(_ findings: [String], in store: TestStore) throws {
    let result = try store.ast("doctor")
    #expect(result.status == 1)
    #expect(result.stderr == "")
    #expect(result.stdout.lines == findings.map { "WRONG     \($0)" })
    try store.ast("run", "2", "sh", "-c", "echo >>/root/x").expectSuccess()
    try store.ast("branch", "2").expectSuccess()
    #expect(try store.ast("doctor").stdout == result.stdout)
  }

  /// A deploy during a trial has a copy of the staged root beside it, for the merge of /etc.
  @Test func whatAKilledDeployLeftIsDeletedAndNothingElse() throws {
    let disk = try BootDisk()
    let killed = try disk.store.ast("deploy", "1", environment: ["AST_FAIL_AT": "etc merged"])
    #expect(killed.signal != nil, "\(killed)")
    let directory = disk.store.root.appending("deploy")
    let name = try #require(FileManager.default.contentsOfDirectory(atPath: directory.string).first)
    let operation = try #require(Int(name.dropFirst()))
    let (staged, copy) = (directory.appending(name), directory.appending("\(name).etc"))
    let strange = directory.appending(".\(operation + 100).etc")
    try runSuccessfully(["btrfs", "subvolume", "snapshot", "-r", staged.string, copy.string])
    try subvolume("create", strange)
    let result = try disk.store.ast("doctor")
    #expect(result.status == 1)
    #expect(
      result.stdout == """
        repaired  operation t\(operation) (deploy) was left unfinished by a command that was killed
        WRONG     \(strange) does not belong to a deployment: ast did not make it, or its row is lost

        """)
    for path in [staged, copy] { #expect(!FileManager.default.fileExists(atPath: path.string), "\(path)") }
    #expect(FileManager.default.fileExists(atPath: strange.string))
    try subvolume("delete", strange)
    #expect(try disk.store.ast("doctor").expectSuccess().stdout == "")
    try disk.store.ast("deploy", "1").expectSuccess()
  }

  @Test func tellsOfADeletedGeneration() throws {
    let store = try store()
    let lost = store.root.appending("nodes/1/1")
    try subvolume("delete", lost)
    try expectFindings(["generation 1 of node 1 is missing: there is no subvolume \(lost)"], in: store)
    for verb in [["run", "1", "true"], ["clone", "1"], ["clone-tree", "1"], ["chroot", "1"], ["edit-conf", "1"]] {
      let result = try store.ast(verb)
      #expect(result.status == (["run", "chroot"].contains(verb[0]) ? 125 : 1), "\(verb)")
      #expect(
        result.stderr
          == "ast: generation 1 of node 1 is missing: there is no subvolume \(lost)\n     run `ast doctor`\n",
        "\(verb)")
    }
    try store.ast("info", "1").expectSuccess()
    try store.ast("del", "--yes", "1").expectSuccess()
    try store.ast("doctor").expectSuccess()
  }

  @Test func tellsOfAReplacedGeneration() throws {
    let store = try store()
    let lost = store.root.appending("nodes/1/1")
    try subvolume("delete", lost)
    try subvolume("create", lost)
    let sentence = "the subvolume \(lost) is not generation 1 of node 1: it was replaced behind ast's back"
    try expectFindings([sentence], in: store)
    #expect(try store.ast("run", "1", "true").stderr.lines.first == "ast: \(sentence)")
    // ast must not delete it.
    try store.ast("del", "--yes", "1").expectSuccess()
    try store.ast("tmp").expectSuccess()
    try expectFindings(
      ["\(store.root)/nodes/1 does not belong to a node: ast did not make it, or its row is lost"], in: store)
    try subvolume("delete", lost)
  }

  @Test func tellsOfAGenerationThatIsAPlainDirectory() throws {
    let store = try store()
    let lost = store.root.appending("nodes/1/1")
    try subvolume("delete", lost)
    try runSuccessfully(["mkdir", lost.string])
    try runSuccessfully(["touch", lost.appending("precious").string])
    try expectFindings(["generation 1 of node 1 is missing: there is no subvolume \(lost)"], in: store)
    try store.ast("del", "--yes", "1").expectSuccess()
    #expect(try store.ast("tmp").expectSuccess().stderr == "")
    try runSuccessfully(["test", "-e", lost.appending("precious").string])
  }

  @Test func tellsOfAGenerationThatWasMadeWritable() throws {
    let store = try store()
    let path = store.root.appending("nodes/1/1")
    try runSuccessfully(["btrfs", "property", "set", path.string, "ro", "false"])
    try expectFindings(["\(path) is writable: its read-only property was changed"], in: store)
  }

  @Test func tellsOfStrangersAndLeavesThemAlone() throws {
    let store = try store()
    let nodes = store.root.appending("nodes")
    // Also in the places of the next nodes, and files of any kind.
    for name in ["3/files", "mine", "2/notes"] { try runSuccessfully(["mkdir", "-p", nodes.appending(name).string]) }
    try subvolume("create", nodes.appending("4"))
    try subvolume("create", nodes.appending("2/9"))
    try runSuccessfully(["mkdir", nodes.appending("5").string])
    try subvolume("create", nodes.appending("5/1"))
    try runSuccessfully(["touch", nodes.appending("README").string, nodes.appending("5/1/precious").string])
    try runSuccessfully(["ln", "-s", "/nonexistent", nodes.appending("6").string])
    try expectFindings(
      ["2/9", "2/notes", "3", "4", "5", "6", "README", "mine"].map {
        "\(nodes)/\($0) does not belong to a node: ast did not make it, or its row is lost"
      }, in: store)
    #expect(
      try store.ast("tree").stdout == """
        root
        ├── 0*- base snapshot
        ├── 1 - one
        └── 2 - two
            └── 7 - branch of 2

        """)
    try runSuccessfully(["test", "-e", nodes.appending("5/1/precious").string])
    // A number that is taken stays taken when a change fails.
    #expect(try store.ast("clone-tree", "9").status == 3)
    #expect(try store.ast("clone", "2").stdout == "Node 8 cloned from 2.\n")
  }

  @Test func mendsWhatIsDerived() throws {
    let store = try store()
    try runSuccessfully(
      [
        "sh", "-c",
        "rm rootfs/snapshot-1; ln -sfn /etc rootfs/snapshot-2; echo '{}' >ast/nodes/0.json; touch ast/nodes/9.json",
      ], in: store.root)
    let result = try store.ast("doctor").expectSuccess()
    #expect(
      result.stdout.lines == [0, 1, 2, 9].map { "repaired  the link or the record of node \($0) was out of date" })
    #expect(try store.ast("doctor").expectSuccess().stdout == "")
    try runSuccessfully(["rm", "-r"] + ["rootfs", "ast/lock", "ast/nodes"], in: store.root)
    try store.ast("clone", "2").expectSuccess()
    try store.ast("doctor").expectSuccess()
    #expect(try store.ast("doctor").expectSuccess().stdout == "")
    #expect(try store.content(of: 3) == store.root.appending("nodes/3/1"))
  }

  @Test func aDirectoryInThePlaceOfALinkIsNamed() throws {
    let store = try store()
    let (link, record) = (store.root.appending("rootfs/snapshot-1"), store.root.appending("ast/nodes/2.json"))
    // An empty one goes.
    try runSuccessfully(["sh", "-c", "rm \"$0\" \"$1\"; mkdir \"$0\" \"$1\"", link.string, record.string])
    try store.ast("doctor").expectSuccess()
    #expect(try store.ast("doctor").expectSuccess().stdout == "")
    try runSuccessfully(["sh", "-c", "rm \"$0\"; mkdir \"$0\"; touch \"$0/mine\"", link.string])
    let said = try store.ast("run", "1", "touch", "/root/more").expectSuccess().stderr
    #expect(
      said.contains("ast: warning: \(link) is a directory with something in it: move it away; the change itself"),
      "\(said)")
    #expect(!said.contains("nothing was changed"), "\(said)")
    try runSuccessfully(["mv", link.string, store.root.appending("mine").string])
    try store.ast("doctor").expectSuccess()
    #expect(try store.content(of: 1) == store.root.appending("nodes/1/2"))
  }
}
