import SnapshotTree
import TestSupport
import Testing

@Suite("Names of generations, and tags", .requiresRoot)
struct GenerationNameTests {
  /// Node 1 with generations 1 to 4, of which 2 to 4 were kept, 1 is tagged.
  private let store: TestStore

  init() throws {
    store = try TestStore()
    try store.ast("clone", "0", "web").expectSuccess()
    try store.ast("tag", "1@1", "before-mail").expectSuccess()
    for name in ["b", "c", "d", "e"] { try store.ast("run", "1", "touch", "/\(name)").expectSuccess() }
    try store.ast("tmp").expectSuccess()
  }

  private func expect(
    _ result: CommandResult, _ status: Int32, _ sentence: String, _ hint: String? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(result.status == status, sourceLocation: sourceLocation)
    let lines = ["ast: \(sentence)"] + (hint.map { ["     \($0)"] } ?? [])
    #expect(Array(result.stderr.lines.prefix(lines.count)) == lines, sourceLocation: sourceLocation)
  }

  @Test func aGenerationIsNamedByItsNumberItsPlaceOrItsTag() throws {
    for (name, number) in [
      ("1", 5), ("web", 5), ("1@4", 4), ("1@-1", 4), ("1@-2", 3), ("web@-3", 1), ("before-mail", 1), ("Web@1", 1),
    ] {
      let data = try store.ast("info", name, "--json").expectSuccess().json["data"]
      #expect(data["generation"] == .number(Double(number)), "\(name)")
      #expect(data["path"] == .text("nodes/1/\(number)"), "\(name)")
    }
    #expect(try store.ast("diff", "--files", "1@-1", "1").expectSuccess().stdout == "+ /e\n")
    #expect(try store.ast("diff", "--files", "1").expectSuccess().stdout == "+ /e\n")
    #expect(try store.ast("diff", "--files", "web@4").expectSuccess().stdout == "+ /d\n")
    expect(
      try store.ast("diff", "before-mail"), 3, "no generation of node 1 is kept before 1@1; nothing was changed",
      "`ast history 1` shows its generations")
    #expect(try store.ast("diff", "--files", "before-mail", "1@3").expectSuccess().stdout == "+ /b\n+ /c\n")
    #expect(try store.ast("list", "1@3").expectSuccess().stdout == store.ast("list", "1").stdout)
    #expect(try store.ast("clone", "1@3").expectSuccess().stdout == "Node 2 cloned from 1@3.\n")
    #expect(try store.ast("diff", "--files", "1@3", "2").expectSuccess().stdout == "")
    #expect(try store.ast("info", "2", "--json").json["data"]["description"] == .text("clone of 1@3"))
    #expect(try store.ast("branch", "before-mail", "old").expectSuccess().stdout == "Branch 3 added under 1.\n")
    #expect(try store.ast("ubranch", "2", "web@-1").expectSuccess().stdout == "Branch 4 added under 2.\n")
    #expect(try Consistency.problems(of: store) == [])
  }

  @Test func whatIsNotThereIsSaid() throws {
    let before = try store.state()
    let hint = "`ast history 1` shows its generations"
    expect(
      try store.ast("clone", "1@2"), 3, "node 1 has no generation 2 any more; nothing was changed",
      hint + "; `ast config --set gc.keep-generations=10` keeps more of them, `ast pin` or `ast tag` a single one")
    expect(
      try store.ast("info", "1@-4"), 3,
      "node 1 has no generation 1@-4: 3 generations are kept before the current one; nothing was changed", hint)
    expect(try store.ast("clone", "9@2"), 3, "there is no node 9", "`ast tree` shows the nodes")
    for text in ["1@", "1@x", "1@-0", "1@01", "@1", "1@-"] {
      expect(try store.ast("clone", text), 3, "there is no node “\(text)”")
    }
    for verb in [["undo", "1@3"], ["del", "--yes", "1@3"], ["desc", "before-mail", "x"]] {
      expect(
        try store.ast(verb), 2,
        "“\(verb[0] == "del" ? verb[2] : verb[1])” is a generation of node 1, and here a node is needed; nothing was changed",
        "name the node: 1")
    }
    #expect(try store.state() == before)
  }

  @Test func aTagNamesItsNode() throws {
    #expect(try store.ast("tag", "web", "golden").expectSuccess().stdout == "Node 1 has the tag golden.\n")
    #expect(try store.ast("tag").expectSuccess().stdout == "before-mail  1@1\ngolden       1\n")
    #expect(try store.ast("run", "golden", "touch", "/f").status == 0)
    #expect(try store.ast("info", "golden", "--json").json["data"]["generation"] == .number(6))
    #expect(try store.ast("info", "1").stdout.contains("\nTags:        before-mail (1@1), golden\n"))
    #expect(try store.ast("tree", "--long").stdout.contains("tag golden"))
    #expect(
      try store.ast("history", "1").stdout.lines.contains {
        $0.hasPrefix("generation 1, ") && $0.hasSuffix(", before-mail")
      })
    #expect(try store.ast("tag", "--delete", "golden").expectSuccess().stdout == "Node 1 has no tag golden any more.\n")
    expect(try store.ast("info", "golden"), 3, "there is no node “golden”")
    #expect(try store.astAsNobody(["tag"]).stdout == "before-mail  1@1\n")
    #expect(try store.astAsNobody(["tag", "1", "x"]).stderr.hasPrefix("ast: `ast tag` needs root"))
  }

  @Test func aNameHasOneMeaning() throws {
    try store.ast("clone", "0", "golden").expectSuccess()
    let before = try store.state()
    expect(
      try store.ast("tag", "1", "golden"), 5,
      "golden is the description of node 2, so it would have two meanings; nothing was changed")
    expect(
      try store.ast("tag", "2", "before-mail"), 5, "the tag before-mail is taken: 1@1 has it; nothing was changed",
      "`ast tag --delete before-mail` removes it")
    let rule =
      "a tag begins with a small letter and holds small letters, digits, dots and minus signs, at most 64; names such as"
      + " d3 and t17 are not tags"
    for name in ["d3", "t3", "3", "Big", "a b"] {
      expect(try store.ast("tag", "1", name), 2, "The value '\(name)' is invalid for '<tag>': \(rule)")
      expect(try store.ast("tag", "--delete", name), 2, "The value '\(name)' is invalid for '--delete <tag>': \(rule)")
    }
    expect(try store.ast("tag", "1"), 2, "a tag for 1 is missing")
    expect(try store.ast("tag", "--delete", "nope"), 3, "there is no tag nope; nothing was changed")
    expect(try store.ast("tag", "1@9", "x"), 3, "node 1 has no generation 9; nothing was changed")
    #expect(try store.state() == before)

    // A description can be given later.
    try store.ast("tag", "2", "mail").expectSuccess()
    for text in ["mail", "before-mail", "1@3"] { try store.ast("clone", "0", text).expectSuccess() }
    let hint = "name what you mean by its number"
    try store.ast("clone", "0", "d1").expectSuccess()
    for words in [["info", "d1"], ["del", "--yes", "d1"]] {
      expect(
        try store.ast(words), 2, "“d1” is deployment 1 and the description of node 6; nothing was changed", hint)
    }
    expect(
      try store.ast("chroot", "mail"), 125,
      "“mail” is the tag of node 2 and the description of node 3; nothing was changed", hint)
    for verb in ["info", "list"] {
      expect(
        try store.ast(verb, "before-mail"), 2,
        "“before-mail” is the tag of generation 1@1 and the description of node 4; nothing was changed", hint)
    }
    expect(
      try store.ast("info", "1@3"), 2,
      "“1@3” is the description of node 5 and generation 1@3; nothing was changed", hint)
    #expect(try store.ast("undo", "1@3").stderr.hasPrefix("ast: node 5 has no earlier generation"))
  }

  @Test func whatIsPinnedOrTaggedOutlivesCommitsAndCollection() throws {
    try store.ast("pin", "1@3").expectSuccess()
    for name in 1...4 { try store.ast("run", "1", "touch", "/x\(name)").expectSuccess() }
    try store.ast("gc", "-y", "--keep", "1").expectSuccess()
    _ = try store.ast("gc", "-y", "--keep", "1", "--min-free", "1M").status
    #expect(try store.generations(of: 1) == [1, 3, 8, 9])
    #expect(try store.ast("info", "1", "--json").json["data"]["pinnedGenerations"] == .array([.number(3)]))
    expect(
      try store.ast("del", "--yes", "1"), 5,
      "node 1 has the tag before-mail and cannot be deleted; nothing was changed",
      "`ast tag --delete before-mail` ends that")
    #expect(try store.ast("unpin", "1@3").expectSuccess().stdout == "Generation 1@3 is no longer pinned.\n")
    #expect(
      try store.ast("unpin", "1@3").expectSuccess().stdout == "Generation 1@3 was not pinned; nothing was changed.\n")
    try store.ast("tag", "--delete", "before-mail").expectSuccess()
    try store.ast("pin", "1@8").expectSuccess()
    expect(
      try store.ast("del", "--yes", "1"), 5,
      "node 1 has a pinned generation and cannot be deleted; nothing was changed",
      "`ast unpin 1@8` ends that")
    try store.ast("unpin", "1@8").expectSuccess()
    try store.ast("gc", "-y", "--keep", "1").expectSuccess()
    #expect(try store.generations(of: 1) == [8, 9])
    expect(
      try store.ast("pin", "web"), 2, "“web” is node 1, and a deployment or a generation is needed; nothing was changed"
    )
    expect(try store.ast("pin", "7"), 3, "there is no deployment 7; nothing was changed")
    expect(try store.ast("pin", "d7"), 3, "there is no deployment 7; nothing was changed")
    #expect(try Consistency.problems(of: store) == [])
  }

  @Test func aRebuildKeepsThem() throws {
    try store.ast("pin", "1@4").expectSuccess()
    try store.ast("tag", "1", "golden").expectSuccess()
    #expect(try store.ast("tree").expectSuccess().stdout.contains(" [golden]\n"))
    let tags = try store.ast("tag").stdout
    try runSuccessfully(["rm", store.database.string, "\(store.database)-wal", "\(store.database)-shm"])
    try store.ast("doctor", "--rebuild").expectSuccess()
    #expect(try store.ast("tag").stdout == tags)
    #expect(try store.ast("info", "1", "--json").json["data"]["pinnedGenerations"] == .array([.number(4)]))
    // One whose generation is gone is named.
    try runSuccessfully(["btrfs", "property", "set", "-f", "\(store.root)/nodes/1/4", "ro", "false"])
    try runSuccessfully(["btrfs", "subvolume", "delete", "\(store.root)/nodes/1/1"])
    try runSuccessfully(["rm", store.database.string, "\(store.database)-wal", "\(store.database)-shm"])
    let result = try store.ast("doctor", "--rebuild").expectSuccess()
    #expect((result.stdout + result.stderr).contains("the tag before-mail is lost: 1@1, which had it, is not there"))
    #expect(try store.ast("tag").stdout == "golden  1\n")
  }

  @Test func wordsFollowTheNodeOption() throws {
    #expect(try store.ast("run", "-N", "web", "sh", "-c", "echo $0 -N", "x").stdout == "x -N\n")
    #expect(
      try store.ast("desc", "-N", "1", "new", "words").expectSuccess().stdout == "Description of node 1 changed.\n")
    #expect(try store.ast("clone", "two", "words", "-N", "1@3").expectSuccess().stdout == "Node 2 cloned from 1@3.\n")
    expect(try store.ast("tree", "-N", "1"), 2, "Unknown option '-N'")
    expect(try store.ast("desc", "-N"), 2, "Missing value for '-N <node>'")
  }
}
