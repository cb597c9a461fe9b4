import SnapshotTree
import SystemPackage
import Testing

@Suite struct GenerationTests {
  private let one = GenerationNumber(1)
  private let two = GenerationNumber(2)
  private let three = GenerationNumber(3)

  @Test func aCommitMakesTheNewContentCurrentAndRemembersTheOld() throws {
    try withTree { tree in
      try tree.grow([nil, 0])
      try tree.write { try $0.forgetUnpublished($0.unpublished()) }
      var new = generation(1, 2)
      new.size = 1 << 40
      try tree.write { tree in
        new.operation = try tree.begin("install", node: NodeID(1), command: "x", bootID: "b", pid: 1)
        new.manifest = try tree.manifest(for: [Package(name: "hello", architecture: "amd64", version: "1")])
        try tree.advance(NodeID(1), to: new)
      }
      let node = try #require(try tree.node(NodeID(1)))
      #expect(node.current == two && node.previous == one && node.nextGeneration == three)
      #expect(try tree.generation(of: NodeID(1), two) == new)
      #expect(new.path == FilePath("nodes/1/2"))
      #expect(try tree.generations(of: NodeID(1)) == [new, generation(1, 1)])
      #expect(try tree.generation(with: subvolume(1, 2)) == new)
      #expect(try tree.generation(with: subvolume(7, 7)) == nil)
      #expect(try tree.generation(of: NodeID(1), three) == nil)
      #expect(try tree.currentGenerations() == [generation(0, 1), new])
      #expect(try tree.unpublished() == [NodeID(1)])
    }
  }

  @Test func aNumberOrASubvolumeIsNotUsedTwice() throws {
    try withTree { tree in
      try tree.grow([nil, 0])
      expectError(.generationNumberUsed(NodeID(1), one)) {
        try tree.write {
          try $0.advance(
            NodeID(1), to: Generation(node: NodeID(1), number: one, subvolume: subvolume(9, 9), created: noon))
        }
      }
      try tree.write { try $0.advance(NodeID(1), to: generation(1, 5)) }
      expectError(.generationNumberUsed(NodeID(1), three)) {
        try tree.write { try $0.advance(NodeID(1), to: generation(1, 3)) }
      }
      expectError(.subvolumeUsed(subvolume(0, 1))) {
        try tree.write {
          try $0.advance(
            NodeID(1),
            to: Generation(node: NodeID(1), number: GenerationNumber(6), subvolume: subvolume(0, 1), created: noon))
        }
      }
      expectError(.mismatch(NodeID(1), two)) { try tree.write { try $0.advance(NodeID(1), to: generation(0, 2)) } }
      expectError(.unknownNode(NodeID(2))) { try tree.write { try $0.advance(NodeID(2), to: generation(2, 2)) } }
      expectError(.unknownManifest(ManifestID(7))) {
        var new = generation(1, 6)
        new.manifest = ManifestID(7)
        try tree.write { try $0.advance(NodeID(1), to: new) }
      }
      #expect(try tree.generations(of: NodeID(1)).map(\.number) == [GenerationNumber(5), one])
    }
  }

  @Test func undoExchangesTheContentBackAndForth() throws {
    try withTree { tree in
      try tree.grow([nil, 0])
      try tree.write { try $0.advance(NodeID(1), to: generation(1, 2)) }
      try tree.write { try $0.advance(NodeID(1), to: generation(1, 3)) }
      func exchange(_ number: GenerationNumber) throws -> [GenerationNumber?] {
        try tree.write { try $0.exchangeCurrent(NodeID(1), with: number) }
        let node = try #require(try tree.node(NodeID(1)))
        return [node.current, node.previous, node.nextGeneration]
      }
      #expect(try exchange(two) == [two, three, GenerationNumber(4)])
      #expect(try exchange(three) == [three, two, GenerationNumber(4)])
      #expect(try exchange(one) == [one, three, GenerationNumber(4)])
      expectError(.alreadyCurrent(NodeID(1), one)) { try exchange(one) }
      expectError(.unknownGeneration(NodeID(1), GenerationNumber(4))) { try exchange(GenerationNumber(4)) }
      expectError(.unknownNode(NodeID(8))) { try tree.write { try $0.exchangeCurrent(NodeID(8), with: one) } }
    }
  }

  @Test func onlyGenerationsThatNobodyNeedsAreDeleted() throws {
    try withTree { tree in
      try tree.grow([nil, 0])
      for number in 2...5 { try tree.write { try $0.advance(NodeID(1), to: generation(1, number)) } }
      try tree.write { tree in
        try tree.insert(Deployment(id: DeploymentID(1), node: NodeID(1), generation: two, created: noon))
        try tree.forgetUnpublished(tree.unpublished())
      }
      func refused(_ number: Int, _ use: GenerationUse, sourceLocation: SourceLocation = #_sourceLocation) {
        expectError(.generationInUse(NodeID(1), GenerationNumber(number), use), sourceLocation: sourceLocation) {
          try tree.write { try $0.deleteGenerations([(NodeID(1), one), (NodeID(1), GenerationNumber(number))]) }
        }
      }
      refused(5, .current)
      refused(4, .previous)
      refused(2, .deployment(DeploymentID(1)))
      expectError(.unknownGeneration(NodeID(1), GenerationNumber(9))) {
        try tree.write { try $0.deleteGenerations([(NodeID(1), GenerationNumber(9))]) }
      }
      expectError(.unknownNode(NodeID(9))) { try tree.write { try $0.deleteGenerations([(NodeID(9), one)]) } }
      #expect(try tree.doomed() == [])
      #expect(try tree.use(of: NodeID(1), one) == nil)
      try tree.write { try $0.deleteGenerations([(NodeID(1), one), (NodeID(1), three)]) }
      #expect(try tree.generations(of: NodeID(1)).map(\.number.rawValue) == [5, 4, 2])
      #expect(try tree.doomed().map(\.path) == ["nodes/1/1", "nodes/1/3"])
      #expect(try tree.unpublished() == [NodeID(1)])
      expectError(.generationNumberUsed(NodeID(1), three)) {
        try tree.write { try $0.advance(NodeID(1), to: generation(1, 3)) }
      }
    }
  }

  @Test func theSizeComesBack() throws {
    try withTree { tree in
      try tree.grow([nil])
      var sized = generation(0, 2)
      sized.size = 12_345
      try tree.write { try $0.advance(.base, to: sized) }
      #expect(try tree.generation(of: .base, two)?.size == 12_345)
      var wrong = generation(0, 3)
      wrong.size = -1
      expectConstraint { try tree.write { try $0.advance(.base, to: wrong) } }
    }
  }
}
