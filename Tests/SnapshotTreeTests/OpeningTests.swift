import Glibc
import SnapshotTree
import SystemPackage
import TestSupport
import Testing

@Suite struct OpeningTests {
  private let both: [Access] = [.reading, .writing]

  /// Expects `error` for every way of opening, and that nothing in the directory changes.
  private func refused(
    _ path: FilePath, _ error: TreeError, _ ways: [Access] = [.reading, .writing],
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let directory = path.removingLastComponent()
    let before = try contents(of: directory)
    for access in ways {
      expectError(error, sourceLocation: sourceLocation) { try TreeDatabase(opening: path, access) }
    }
    #expect(try contents(of: directory) == before, sourceLocation: sourceLocation)
  }

  /// A tree of 500 nodes; without log and index, as a backup has it, unless `withLog`.
  private func makeTree(in directory: FilePath, withLog: Bool) throws -> FilePath {
    let path = directory.appending("tree.sqlite")
    try TreeDatabase.create(at: path)
    do {
      let tree = try TreeDatabase(opening: path, .writing)
      try tree.grow((0..<500).map { $0 == 0 ? nil : 0 })
    }
    if !withLog { try runSuccessfully(["sqlite3", path.string, "PRAGMA wal_checkpoint(TRUNCATE)"]) }
    return path
  }

  @Test func aMissingFileIsMissing() throws {
    try withTemporaryDirectory { directory in
      try refused(directory.appending("tree.sqlite"), .missing(directory.appending("tree.sqlite")))
      expectError(.missing("/nowhere/tree.sqlite")) { try TreeDatabase(opening: "/nowhere/tree.sqlite", .reading) }
    }
  }

  @Test func anEmptyFileIsEmpty() throws {
    try withTemporaryDirectory { directory in
      let path = directory.appending("tree.sqlite")
      try runSuccessfully(["touch", path.string])
      try refused(path, .empty(path))
    }
  }

  @Test(arguments: [1, 15, 16, 50, 99, 100, 512, 4096, 5000, 40_000])
  func aFileWithoutItsEndIsTruncated(_ size: Int) throws {
    try withTemporaryDirectory { directory in
      let path = try makeTree(in: directory, withLog: false)
      #expect(try contents(of: directory).hasPrefix("tree.sqlite\n"))
      try runSuccessfully(["truncate", "-s", "\(size)", path.string])
      try refused(path, .truncated(path))
    }
  }

  @Test func aFileWithoutItsEndIsTruncatedAlsoIfThereIsALog() throws {
    try withTemporaryDirectory { directory in
      let path = try makeTree(in: directory, withLog: true)
      do {
        // The first transaction after a checkpoint begins a new log: what the old one had is in the file only.
        let tree = try TreeDatabase(opening: path, .writing)
        for count in 5...6 { try tree.write { try $0.setDescription("\(count)", of: .base) } }
      }
      #expect(try contents(of: directory).hasPrefix("tree.sqlite\ntree.sqlite-shm\ntree.sqlite-wal\n"))
      try runSuccessfully(["truncate", "-s", "40000", path.string])
      try refused(path, .truncated(path))
    }
  }

  @Test func aLogThatIsNoneMakesNobodyWait() throws {
    try withTemporaryDirectory { directory in
      let path = try makeTree(in: directory, withLog: true)
      try runSuccessfully([
        "dd", "if=/dev/urandom", "of=\(path)-wal", "bs=32", "count=1", "conv=notrunc", "status=none",
      ])
      let time = try ContinuousClock().measure { _ = try TreeDatabase(opening: path, .reading).nodes() }
      #expect(time < .seconds(2))
    }
  }

  @Test(arguments: ["garbage", "#!/bin/sh\nexit 1\n"])
  func anotherFileIsNoDatabase(_ kind: String) throws {
    try withTemporaryDirectory { directory in
      let path = directory.appending("tree.sqlite")
      let source = kind == "garbage" ? "head -c 20000 /dev/urandom" : "printf %s '\(kind)'"
      try runSuccessfully(["sh", "-c", "\(source) > '\(path)'"])
      try refused(path, .notADatabase(path))
    }
  }

  @Test func aDirectoryIsNoDatabase() throws {
    try withTemporaryDirectory { directory in
      let path = directory.appending("tree.sqlite")
      try runSuccessfully(["mkdir", path.string])
      try refused(path, .notADatabase(path))
    }
  }

  @Test(arguments: ["DELETE", "WAL"])
  func aDatabaseOfAnotherProgramIsNoTree(_ mode: String) throws {
    try withTemporaryDirectory { directory in
      let path = directory.appending("tree.sqlite")
      try runSuccessfully([
        "sqlite3", path.string, "PRAGMA journal_mode = \(mode); CREATE TABLE node (id); INSERT INTO node VALUES (1)",
      ])
      try refused(path, .notATree(path))
    }
  }

  @Test func aDamagedSchemaIsCorrupt() throws {
    try withTemporaryDirectory { directory in
      let path = try makeTree(in: directory, withLog: false)
      try runSuccessfully([
        "dd", "if=/dev/urandom", "of=\(path)", "bs=1", "seek=100", "count=200", "conv=notrunc", "status=none",
      ])
      for access in both {
        let error = #expect(throws: TreeError.self) { try TreeDatabase(opening: path, access) }
        guard case .corrupt(path, _) = error else {
          Issue.record("\(String(describing: error))")
          continue
        }
      }
    }
  }

  @Test func aDamagedPageIsFoundWhenItIsRead() throws {
    try withTemporaryDirectory { directory in
      let path = try makeTree(in: directory, withLog: false)
      let root = try runSuccessfully([
        "sqlite3", path.string, "SELECT rootpage - 1 FROM sqlite_schema WHERE name = 'node'",
      ])
      let page = String(root.dropLast())
      try runSuccessfully([
        "dd", "if=/dev/urandom", "of=\(path)", "bs=4096", "seek=\(page)", "count=1", "conv=notrunc", "status=none",
      ])
      let tree = try TreeDatabase(opening: path, .writing)
      let error = #expect(throws: TreeError.self) { try tree.nodes() }
      guard case .corrupt(path, _) = error else {
        Issue.record("\(String(describing: error))")
        return
      }
      #expect(try !tree.integrityProblems().isEmpty)
      #expect(throws: TreeError.self) { try tree.write { try $0.setDescription("x", of: NodeID(1)) } }
    }
  }

  @Test func whatIsWrongIsSaidInOneSentence() {
    #expect("\(TreeError.missing("/s/tree.sqlite"))" == "there is no snapshot tree: /s/tree.sqlite does not exist")
    #expect("\(TreeError.nodeHasChildren(NodeID(1), [NodeID(2), NodeID(3)]))" == "node 1 has children: 2, 3")
    #expect(
      "\(TreeError.generationInUse(NodeID(1), GenerationNumber(2), .deployment(DeploymentID(3))))"
        == "generation 2 of node 1 is deployed: deployment 3")
    #expect("\(TreeError.deploymentInUse(DeploymentID(3), .pinned))" == "deployment 3 is pinned")
  }
}
