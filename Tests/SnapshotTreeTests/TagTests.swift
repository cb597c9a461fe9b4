import SQLite
import SystemPackage
import TestSupport
import Testing

@testable import SnapshotTree

@Suite("Tags in the tree") struct TagTests {
  private let golden: TagName
  private let kept: TagName

  init() throws {
    golden = try #require(TagName("golden"))
    kept = try #require(TagName("before-mail.2"))
  }

  @Test(arguments: [
    ("a", true), ("golden", true), ("before-mail", true), ("v1.2-rc", true), ("d", true), ("t", true), ("d3x", true),
    ("td3", true), ("d3", false), ("t17", false), ("", false), ("1", false), ("Golden", false), ("a b", false),
    ("a@1", false), ("-a", false), (".a", false), ("ä", false), ("a/b", false), ("a\n", false),
    (String(repeating: "a", count: 64), true), (String(repeating: "a", count: 65), false),
  ])
  func whatATagIs(_ text: String, isTag: Bool) {
    #expect((TagName(text) != nil) == isTag)
  }

  private func withNode(_ body: (TreeDatabase) throws -> Void) throws {
    try withTree { tree in
      try tree.grow([nil, 0])
      try tree.write { tree in
        for number in 2...4 { try tree.advance(NodeID(1), to: generation(1, number)) }
      }
      try body(tree)
    }
  }

  @Test func aGenerationWithATagOrAPinIsNotDeleted() throws {
    try withNode { tree in
      let (first, second) = (GenerationID(NodeID(1), GenerationNumber(1)), GenerationID(NodeID(1), GenerationNumber(2)))
      try tree.write { tree in
        try tree.insert(Tag(name: kept, node: first.node, generation: first.number))
        try tree.setPinned(true, second)
        try tree.insert(Tag(name: golden, node: NodeID(1)))
      }
      #expect(try tree.tags().map(\.name) == [kept, golden])
      for id in [first, second] {
        expectError(.generationInUse(id.node, id.number, .kept)) {
          try tree.write { try $0.deleteGenerations([(id.node, id.number)]) }
        }
      }
      expectError(.nodeIsKept(NodeID(1))) { try tree.write { try $0.deleteNodes([NodeID(1)]) } }
      expectError(.tagUsed(golden)) { try tree.write { try $0.insert(Tag(name: golden, node: NodeID(0))) } }
      expectError(.unknownGeneration(NodeID(1), GenerationNumber(9))) {
        try tree.write { try $0.setPinned(true, GenerationID(NodeID(1), GenerationNumber(9))) }
      }
      try tree.write { tree in
        try tree.deleteTag(kept)
        try tree.setPinned(false, second)
        try tree.deleteGenerations([first, second].map { ($0.node, $0.number) })
        try tree.deleteTag(golden)
        try tree.deleteNodes([NodeID(1)])
      }
      expectError(.unknownTag(golden)) { try tree.write { try $0.deleteTag(golden) } }
    }
  }

  /// The statements of ast 0.1.0, which knows neither tags nor pinned generations.
  @Test func anOlderAstCannotDeleteThem() throws {
    try withNode { tree in
      try tree.write { tree in
        try tree.insert(Tag(name: kept, node: NodeID(1), generation: GenerationNumber(1)))
        try tree.setPinned(true, GenerationID(NodeID(1), GenerationNumber(2)))
      }
      let older = try Connection(to: tree.path, .writing)
      try older.execute("PRAGMA foreign_keys = ON")
      try older.transaction {
        for number in 1...3 {
          try older.run(
            "INSERT OR REPLACE INTO doomed (path, subvolume) VALUES (?, ?)", "nodes/1/\(number)",
            "\(subvolume(1, number))")
          try older.run("DELETE FROM generation WHERE node = 1 AND number = ?", number == 3 ? 9 : number)
        }
      }
      #expect(try tree.generations(of: NodeID(1)).map(\.number.rawValue) == [4, 3, 2, 1])
      #expect(try tree.doomed().map(\.path) == [FilePath("nodes/1/3")])
      #expect(throws: SQLiteError.self) {
        try older.transaction {
          try older.run("DELETE FROM generation WHERE node = 1")
          try older.run("DELETE FROM node WHERE id = 1")
        }
      }
      #expect(try tree.generations(of: NodeID(1)).count == 4)
    }
  }

  @Test func theRecordIsReadAsItWasWritten() throws {
    try withNode { tree in
      try tree.write { tree in
        try tree.insert(Tag(name: golden, node: NodeID(1)))
        try tree.setPinned(true, GenerationID(NodeID(1), GenerationNumber(2)))
      }
      let record = try tree.tagRecord()
      let text = try record.json()
      #expect(try TagRecord(json: text) == record)
      #expect(
        String(decoding: text, as: UTF8.self) == """
          {
            "pinned" : [
              {
                "node" : 1,
                "number" : 2
              }
            ],
            "tags" : [
              {
                "name" : "golden",
                "node" : 1
              }
            ]
          }

          """)
      for text in ["", "{}", "{\"pinned\":[],\"tags\":[{\"name\":\"D3\",\"node\":1}]}"] {
        #expect(throws: TreeError.self) { try TagRecord(json: Array(text.utf8)) }
      }
    }
  }

  @Test func theCopyForUsersFollowsThem() throws {
    try withNode { tree in
      let copy = tree.path.removingLastComponent().appending("public.sqlite")
      func published() throws -> TreeDatabase {
        try tree.writePublicCopy(to: copy, boot: "b")
        return try TreeDatabase(openingPublicCopy: copy)
      }
      try tree.write { try $0.insert(Tag(name: kept, node: NodeID(1), generation: GenerationNumber(1))) }
      #expect(try published().tags() == tree.tags())
      try tree.write { tree in
        try tree.deleteTag(kept)
        try tree.setPinned(true, GenerationID(NodeID(1), GenerationNumber(2)))
        try tree.deleteGenerations([(NodeID(1), GenerationNumber(1))])
      }
      let users = try published()
      #expect(try users.tags() == [])
      #expect(try users.pinnedGenerations() == tree.pinnedGenerations())
      #expect(try users.generations() == tree.generations())
    }
  }
}
