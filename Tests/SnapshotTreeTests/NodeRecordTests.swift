import FoundationEssentials
import SnapshotTree
import SystemPackage
import Testing

@Suite struct NodeRecordTests {
  @Test func aRecordIsTextThatPeopleCanRead() throws {
    try withTree { tree in
      try tree.grow([nil, 0])
      try tree.write { tree in
        try tree.setDescription("web \"server\"\n", of: NodeID(1))
        try tree.setDefaultNode(NodeID(1))
        var second = generation(1, 2)
        second.size = 4096
        second.operation = try tree.begin("install", node: NodeID(1), command: "x", bootID: "b", pid: 1)
        second.manifest = try tree.manifest(for: [])
        try tree.advance(NodeID(1), to: second)
      }
      let text = String(decoding: try tree.record(of: NodeID(1)).json(), as: UTF8.self)
      #expect(
        text == """
          {
            "generations" : [
              {
                "created" : "2023-11-14T22:13:20Z",
                "node" : 1,
                "number" : 2,
                "operation" : 1,
                "size" : 4096,
                "subvolume" : "00000000-0000-0001-0000-000000000002"
              },
              {
                "created" : "2023-11-14T22:13:20Z",
                "node" : 1,
                "number" : 1,
                "subvolume" : "00000000-0000-0001-0000-000000000001"
              }
            ],
            "isDefault" : true,
            "nextNode" : 2,
            "node" : {
              "created" : "2023-11-14T22:13:20Z",
              "current" : 2,
              "description" : "web \\"server\\"\\n",
              "id" : 1,
              "nextGeneration" : 3,
              "parent" : 0,
              "previous" : 1
            }
          }

          """)
      #expect(try NodeRecord(json: Array(text.utf8)) == tree.record(of: NodeID(1)))
      expectError(.unknownNode(NodeID(2))) { try tree.record(of: NodeID(2)) }
    }
  }

  @Test(arguments: ["", "{}", "[]", "nonsense", "{\"node\":1}"])
  func anythingElseIsNoRecord(_ text: String) {
    let error = #expect(throws: TreeError.self) { try NodeRecord(json: Array(text.utf8)) }
    guard case .unreadableRecord = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test func whatANewerVersionAddsIsPassedOver() throws {
    let record = NodeRecord(
      node: node(1, 0), generations: [generation(1, 1)], isDefault: false, nextNode: NodeID(2))
    let text = String(decoding: try record.json(), as: UTF8.self)
    let newer = text.replacing("\"isDefault\"", with: "\"added\" : [1], \"isDefault\"")
    #expect(newer != text)
    #expect(try NodeRecord(json: Array(newer.utf8)) == record)
  }

  /// The next number must be one, too.
  @Test(arguments: ["-1", "2147483648", "9223372036854775807", "-9223372036854775808", "1.5", "\"1\""])
  func aNumberThatIsNoneMakesARecordUnreadable(number: String) throws {
    let record = """
      {"node":{"id":0,"description":"","created":"2026-12-01T00:00:00Z","current":1,"nextGeneration":NUMBER},
      "generations":[],"isDefault":false,"nextNode":1}
      """
    _ = try NodeRecord(json: record.replacing("NUMBER", with: "2").utf8)
    #expect(throws: TreeError.self) { try NodeRecord(json: record.replacing("NUMBER", with: number).utf8) }
  }
}
