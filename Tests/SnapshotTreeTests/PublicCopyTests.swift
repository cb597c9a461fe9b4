import SQLite
import SnapshotTree
import SystemPackage
import Testing

/// The copy for users, which is brought up to date with what the last change has changed.
@Suite struct PublicCopyTests {
  private static let tables = [
    ("setting", "key, value"), ("node", "id, parent, description, current, previous, next_generation"),
    ("generation", "node, number, subvolume, operation, manifest, size"), ("manifest", "id, hash, packages"),
    ("manifest_package", "manifest, package"), ("deployment", "id, node, generation, state, pinned"),
    ("node_role", "role, node"), ("operation", "id, kind, node, state, generation"),
  ]

  private func differences(_ file: FilePath, _ copy: FilePath) throws -> [String] {
    let (database, public_) = (try Connection(to: file, .reading), try Connection(to: copy, .readingImmutable))
    return try Self.tables.compactMap { table, columns in
      let rows = "SELECT \(columns) FROM \(table) ORDER BY 1, 2"
      return try database.rows(rows) == public_.rows(rows) ? nil : table
    }
  }

  private func withCopy(_ body: (TreeDatabase, FilePath) throws -> Void) throws {
    try withTree { tree in
      try tree.grow([nil, 0, 1, 1])
      let copy = tree.path.removingLastComponent().appending("copy")
      try tree.writePublicCopy(to: copy, boot: "one")
      try body(tree, copy)
    }
  }

  private typealias Change = @Sendable (TreeDatabase) throws -> Void
  private static let node = NodeID(1)

  /// Each on the state that the ones before it have left.
  private static let changes: [Change] = [
    { try $0.setDescription("web", of: node) },
    {
      _ = try $0.begin("install", node: node, command: "secret", bootID: "b", pid: 1)
    },
    { tree in
      var new = generation(1, 2)
      new.manifest = try tree.manifest(for: [Package(name: "hello", architecture: "amd64", version: "1")])
      try tree.advance(node, to: new)
      try tree.finish(OperationID(1), .done)
    },
    { try $0.exchangeCurrent(node, with: GenerationNumber(1)) },
    { tree in
      let other = [Package(name: "hello", architecture: "amd64", version: "2")]
      try tree.setManifest(tree.manifest(for: other), of: node, GenerationNumber(2))
    },
    { try $0.forgetUnpublished($0.unpublished()) },
    { try $0.setDefaultNode(NodeID(2)) },
    { try $0.deleteNodes([NodeID(3)]) },
    { try $0.advance(node, to: generation(1, 3)) },
    { try $0.deleteGenerations([(node, GenerationNumber(2))]) },
  ]

  @Test func whatAChangeChangesIsInTheCopy() throws {
    try withCopy { tree, copy in
      for (number, change) in Self.changes.enumerated() {
        try tree.write(change)
        try tree.writePublicCopy(to: copy, boot: "one")
        #expect(try differences(tree.path, copy) == [], "after change \(number)")
      }
    }
  }

  /// Each change by a connection of its own, as commands do.
  @Test func whatSeveralCommandsChangeIsInTheCopy() throws {
    try withCopy { tree, copy in
      for (number, change) in Self.changes.enumerated() {
        let other = try TreeDatabase(opening: tree.path, .writing)
        try other.write(change)
        try other.writePublicCopy(to: copy, boot: "one")
        #expect(try differences(tree.path, copy) == [], "after change \(number)")
      }
    }
  }

  /// A command that is killed before it writes the copy, or that knows of none.
  @Test(arguments: changes.indices) func whatWasNotCopiedIsCopiedByTheNextChange(_ missed: Int) throws {
    try withCopy { tree, copy in
      for (number, change) in Self.changes[...missed].enumerated() {
        let other = try TreeDatabase(opening: tree.path, .writing)
        try other.write(change)
        if number != missed { try other.writePublicCopy(to: copy, boot: "one") }
      }
      try tree.write { try $0.setDescription("next", of: NodeID(0)) }
      try tree.writePublicCopy(to: copy, boot: "one")
      #expect(try differences(tree.path, copy) == [])
    }
  }

  @Test func aCopyOfAnotherBootIsMadeAnew() throws {
    try withCopy { tree, copy in
      let damaged = try Connection(to: copy, .writing)
      try damaged.run("UPDATE node SET description = 'lost'")
      try tree.write { try $0.setDescription("web", of: Self.node) }
      try tree.writePublicCopy(to: copy, boot: "two")
      #expect(try differences(tree.path, copy) == [])
    }
  }

  /// The rows of the nodes that a change does not touch are not even read.
  @Test func onlyWhatHasChangedIsCopied() throws {
    try withCopy { tree, copy in
      try tree.write { try $0.forgetUnpublished($0.unpublished()) }
      try tree.writePublicCopy(to: copy, boot: "one")
      let other = try Connection(to: copy, .writing)
      try other.run("UPDATE node SET description = 'not looked at' WHERE id = 2")
      try tree.write { try $0.setDescription("web", of: Self.node) }
      try tree.writePublicCopy(to: copy, boot: "one")
      #expect(try differences(tree.path, copy) == ["node"])
    }
  }
}
