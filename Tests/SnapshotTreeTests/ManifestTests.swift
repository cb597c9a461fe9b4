import SnapshotTree
import Testing

@Suite struct ManifestTests {
  private func package(_ name: String, _ version: String = "1") -> Package {
    Package(name: name, architecture: "amd64", version: version)
  }

  @Test func equalSetsAreOneManifest() throws {
    try withTree { tree in
      try tree.grow([nil])
      let ids = try tree.write { tree in
        let ids = [
          try tree.manifest(for: [package("b"), package("a")]),
          try tree.manifest(for: [package("a"), package("b"), package("a")]),
          try tree.manifest(for: [package("a")]),
          try tree.manifest(for: [package("a"), package("b", "2")]),
          try tree.manifest(for: []),
          try tree.manifest(for: []),
        ]
        #expect(try tree.packages(in: ids[0]) == [package("a"), package("b")])
        #expect(try tree.packages(in: ids[3]) == [package("a"), package("b", "2")])
        #expect(try ids.map { try tree.packageCount(in: $0) } == [2, 2, 1, 2, 0, 0])
        #expect(try tree.packages(in: ids[4]) == [])
        return ids
      }
      #expect(ids[0] == ids[1] && ids[4] == ids[5] && Set(ids).count == 4)
      #expect(try tree.write { try $0.manifest(for: [package("b"), package("a")]) } == ids[0])
      expectError(.unknownManifest(ManifestID(99))) { try tree.packages(in: ManifestID(99)) }
      expectError(.unknownManifest(ManifestID(99))) { try tree.packageCount(in: ManifestID(99)) }
    }
  }

  @Test func fieldsDoNotRunTogether() throws {
    try withTree { tree in
      let ids = try tree.write { tree in
        [
          try tree.manifest(for: [Package(name: "ab", architecture: "c", version: "d")]),
          try tree.manifest(for: [Package(name: "a", architecture: "bc", version: "d")]),
          try tree.manifest(for: [Package(name: "a", architecture: "b", version: "cd")]),
        ]
      }
      #expect(Set(ids).count == 3)
    }
  }

  @Test func manifestsGoWithTheirLastGeneration() throws {
    try withTree { tree in
      try tree.grow([nil])
      let (shared, own) = try tree.write { tree in
        let shared = try tree.manifest(for: [package("a")])
        let own = try tree.manifest(for: [package("a"), package("b")])
        for (id, manifest) in [(1, shared), (2, own), (3, shared)] {
          var first = generation(id, 1)
          first.manifest = manifest
          try tree.insert(node(id, 0), first)
        }
        var second = generation(3, 2)
        second.manifest = own
        try tree.advance(NodeID(3), to: second)
        try tree.advance(NodeID(3), to: generation(3, 3))
        try tree.advance(NodeID(3), to: generation(3, 4))
        return (shared, own)
      }
      try tree.write { try $0.deleteNodes([NodeID(2)]) }
      #expect(try tree.packageCount(in: own) == 2)
      try tree.write { try $0.deleteGenerations([(NodeID(3), GenerationNumber(2)), (NodeID(3), GenerationNumber(1))]) }
      expectError(.unknownManifest(own)) { try tree.packageCount(in: own) }
      #expect(try tree.packages(in: shared) == [package("a")])
      try tree.write { try $0.deleteNodes([NodeID(1)]) }
      expectError(.unknownManifest(shared)) { try tree.packages(in: shared) }
      // Packages are counted from the start again: they were removed too.
      #expect(try tree.write { try $0.manifest(for: [package("b")]) }.rawValue > 0)
    }
  }

  @Test func onlyCurrentGenerationsCountAsHavingAPackage() throws {
    try withTree { tree in
      try tree.grow([nil])
      try tree.write { tree in
        for (id, name) in [(1, "old"), (2, "a"), (3, "a")] {
          var first = generation(id, 1)
          first.manifest = try tree.manifest(for: [package(name), package("b", "\(id)")])
          try tree.insert(node(id, 0), first)
        }
        var second = generation(1, 2)
        second.manifest = try tree.manifest(for: [package("new")])
        try tree.advance(NodeID(1), to: second)
      }
      let expected: [(Package, NodeID, NodeID?)] = [
        (package("a"), NodeID(1), NodeID(2)), (package("a"), NodeID(2), NodeID(3)),
        (package("a", "2"), NodeID(1), nil), (package("b", "3"), NodeID(2), NodeID(3)),
        (package("b", "3"), NodeID(3), nil), (package("old"), NodeID(2), nil),
        (package("new"), NodeID(2), NodeID(1)), (package("none"), NodeID(2), nil),
        (Package(name: "a", architecture: "all", version: "1"), NodeID(1), nil),
      ]
      for (package, other, found) in expected {
        #expect(try tree.node(with: package, otherThan: other) == found, "\(package)")
      }
      // What the current generations have, and no others.
      for name in ["a", "b", "old", "new", "none"] {
        let found = try tree.nodes(with: name, architecture: nil)
        let nodes = try tree.nodes().map { node in
          (node, try tree.generation(of: node.id, node.current)?.manifest.map(tree.packages(in:)) ?? [])
        }
        let slow = nodes.map { ($0, $1.filter { $0.name == name }) }.filter { !$0.1.isEmpty }
        #expect(found.map(\.node) == slow.map(\.0) && found.map(\.packages) == slow.map(\.1), "\(name)")
      }
      #expect(
        try tree.nodes(with: "a", architecture: "amd64").map(\.node)
          == tree.nodes(with: "a", architecture: nil).map(\.node))
      #expect(try tree.nodes(with: "a", architecture: "all").isEmpty)
    }
  }

  @Test func aGenerationGetsAManifestLater() throws {
    try withTree { tree in
      try tree.grow([nil])
      let one = GenerationNumber(1)
      let first = try tree.write { tree in
        let first = try tree.manifest(for: [package("a")])
        try tree.setManifest(first, of: .base, one)
        return first
      }
      #expect(try tree.generation(of: .base, one)?.manifest == first)
      try tree.write { try $0.setManifest(first, of: .base, one) }
      let second = try tree.write { tree in
        let second = try tree.manifest(for: [package("b")])
        try tree.setManifest(second, of: .base, one)
        return second
      }
      #expect(try tree.generation(of: .base, one)?.manifest == second)
      expectError(.unknownManifest(first)) { try tree.packageCount(in: first) }
      expectError(.unknownManifest(ManifestID(99))) {
        try tree.write { try $0.setManifest(ManifestID(99), of: .base, one) }
      }
      expectError(.unknownGeneration(.base, GenerationNumber(2))) {
        try tree.write { try $0.setManifest(second, of: .base, GenerationNumber(2)) }
      }
    }
  }

  @Test func twoThousandPackages() throws {
    try withTree { tree in
      let packages = (0..<2_000).map { package("package-\($0)", "\($0).0-1") }
      let id = try tree.write { try $0.manifest(for: packages.shuffled()) }
      #expect(try tree.write { try $0.manifest(for: packages) } == id)
      #expect(try tree.packages(in: id) == packages.sorted())
    }
  }
}
