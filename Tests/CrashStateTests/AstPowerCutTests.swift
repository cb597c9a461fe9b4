import SystemPackage
import TestSupport
import Testing

/// Cuts the power at every flush while `ast` runs: each command has happened or has not, and the next one recovers.
@Suite(.serialized, .requiresLoggedDisk) struct AstPowerCutTests {
  @Test func everyCommandHasHappenedOrHasNot() throws {
    try scenario(
      "run, clone, undo, branch, clone-tree, del, desc", limit: 60, prepare: Story.prepare, commands: Story.commands,
      check: Story.problems)
  }

  @Test func withoutTheSyncOfTheSealDataAreLost() throws {
    let scratch = try ScratchDirectory(for: 0)
    defer { scratch.remove() }
    let unsafe = try Scenario(
      name: "no sync", limit: 60, prepare: Story.prepare, commands: Story.commands,
      environment: scratch.withoutSyncs(), check: Story.problems)
    for report in try unsafe.reports() {
      print(report)
      #expect(report.problems.contains { $0.contains("holds") }, "\(report)")
    }
  }
}

/// The commands of the scenario, and the states of the store after each.
private enum Story {
  /// A state of the tree: the output of `ast tree` below the base, and the text in each node's file.
  struct Chapter {
    let command: [String]
    let tree: [String]
    let texts: [Int: Int]
  }

  static let chapters = [
    Chapter(command: [], tree: ["└── 1 - work"], texts: [1: 0]),
    Chapter(command: write(1), tree: ["└── 1 - work"], texts: [1: 1]),
    Chapter(command: ["clone", "1"], tree: ["├── 1 - work", "└── 2 - clone of 1"], texts: [1: 1, 2: 1]),
    Chapter(command: write(2), tree: ["├── 1 - work", "└── 2 - clone of 1"], texts: [1: 2, 2: 1]),
    Chapter(command: ["undo", "1"], tree: ["├── 1 - work", "└── 2 - clone of 1"], texts: [1: 1, 2: 1]),
    Chapter(
      command: ["branch", "2"], tree: ["├── 1 - work", "└── 2 - clone of 1", "    └── 3 - branch of 2"],
      texts: [1: 1, 2: 1, 3: 1]),
    Chapter(
      command: ["clone-tree", "2"],
      tree: [
        "├── 1 - work", "├── 2 - clone of 1", "│   └── 3 - branch of 2", "└── 4 - clone of 2",
        "    └── 5 - branch of 2",
      ], texts: [1: 1, 2: 1, 3: 1, 4: 1, 5: 1]),
    Chapter(
      command: ["del", "-y", "2"], tree: ["├── 1 - work", "└── 4 - clone of 2", "    └── 5 - branch of 2"],
      texts: [1: 1, 4: 1, 5: 1]),
    Chapter(
      command: ["desc", "1", "done"], tree: ["├── 1 - done", "└── 4 - clone of 2", "    └── 5 - branch of 2"],
      texts: [1: 1, 4: 1, 5: 1]),
  ]

  /// Too long for btrfs to keep inline in metadata, so that the data are written separately.
  private static let lines = 4000

  private static func write(_ number: Int) -> [String] {
    let script = "n=0; while [ $n -lt \(lines) ]; do echo text \(number); n=$((n + 1)); done > /text-\(number)"
    return ["run", "1", "sh", "-c", "\(script); rm -f /text; ln -s text-\(number) /text"]
  }

  static func prepare(_ root: FilePath) throws {
    let store = try TestStore(at: root)
    try store.ast("clone", "0", "work").expectSuccess()
    try store.ast(write(0)).expectSuccess()
  }

  static func commands(_ root: FilePath) -> [[String]] {
    chapters.dropFirst().map { [AstBinary.path.string, "--store", root.string] + $0.command }
  }

  static func problems(in state: CrashState) throws -> [String] {
    let store = TestStore(existing: state.mountPoint)
    let before = try store.ast("tree").expectSuccess().stdout
    let candidates = chapters[state.effective].filter { text($0) == before }
    guard let nodes = candidates.first?.texts.keys.sorted() else {
      return ["the tree is none of \(state.effective):\n\(before)"]
    }
    let held = try nodes.map { node in
      (node: node, text: try run(["cat", try content(of: node, in: store).appending("text").string]).stdout)
    }
    let wrong = candidates.map { chapter in
      held.filter { $0.text != contents(chapter.texts[$0.node] ?? -1) }.map {
        "node \($0.node) holds \($0.text.count) bytes"
      }
    }
    return try (wrong.min { $0.count < $1.count } ?? []) + recoveryProblems(store, nodes, before)
  }

  /// The problems that remain after the next command, in the next boot.
  private static func recoveryProblems(_ store: TestStore, _ nodes: [Int], _ tree: String) throws -> [String] {
    let results = try [["tmp"], ["doctor"], ["tree"]].map { try store.astInTheNextBoot($0) }
    guard results.allSatisfy({ $0.status == 0 }), results[1].stdout.isEmpty, results[2].stdout == tree else {
      return ["after recovery: \(results)"]
    }
    return try nodes.filter { try store.content(of: $0) != content(of: $0, in: store) }.map {
      "the link of node \($0) is old"
    }
  }

  /// The path of a node's content according to the database, which is the only truth.
  private static func content(of node: Int, in store: TestStore) throws -> FilePath {
    let query = "select 'nodes/' || id || '/' || current from node where id = \(node)"
    let database = store.root.appending("ast/tree.sqlite").string
    return store.root.pushing(
      FilePath(try runSuccessfully(["sqlite3", "-readonly", database, query]).split(separator: "\n").joined()))
  }

  private static func text(_ chapter: Chapter) -> String {
    let first = chapter.tree.isEmpty ? "└── 0*- base snapshot" : "├── 0*- base snapshot"
    return (["root", first] + chapter.tree).map { "\($0)\n" }.joined()
  }

  private static func contents(_ number: Int) -> String {
    String(repeating: "text \(number)\n", count: lines)
  }
}
