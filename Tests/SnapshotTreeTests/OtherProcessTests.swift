import Glibc
import SnapshotTree
import SystemPackage
import TestSupport
import Testing

/// Behaviour that shows only between processes. Bodies of exit tests run in their own process.
@Suite struct OtherProcessTests {
  @Test(.requiresRoot) func everybodyReadsWhatOnlyRootWrites() async throws {
    try await withStore { path in
      await listsAsNobody(path)
      await #expect(processExitsWith: .success) { [path = path.string as String] in
        try becomeNobody()
        expectError(.notPermitted(FilePath(path))) { try TreeDatabase(opening: FilePath(path), .writing) }
        let tree = try TreeDatabase(opening: FilePath(path), .reading)
        expectError(.readOnly(FilePath(path))) { try tree.write { try $0.setDescription("x", of: .base) } }
      }
      let seen = try readWhileWriting(path, reading: path)
      #expect(seen == "0,1\n")
      #expect(try TreeDatabase(opening: path, .reading).ids == [0, 1, 2])
    }
  }

  @Test(.requiresRoot) func everybodyReadsThroughAReadOnlyMount() async throws {
    try await withStore { path in
      let mount = path.removingLastComponent().removingLastComponent().appending("mount")
      try runSuccessfully(["mkdir", mount.string])
      try runSuccessfully(["mount", "--bind", path.removingLastComponent().string, mount.string])
      defer { umount2(mount.string, Int32(MNT_DETACH)) }
      try runSuccessfully(["mount", "-o", "remount,bind,ro", mount.string])
      let mounted = mount.appending("tree.sqlite")
      await listsAsNobody(mounted)
      #expect(try TreeDatabase(opening: mounted, .reading).ids == [0, 1])
      expectError(.readOnly(mounted)) { try TreeDatabase(opening: mounted, .writing) }
      let seen = try readWhileWriting(path, reading: mounted)
      #expect(seen == "0,1\n")
      #expect(try TreeDatabase(opening: mounted, .reading).ids == [0, 1, 2])
    }
  }

  @Test(.requiresRoot) func everybodyReadsWhatAKilledWriterLeft() async throws {
    try await withStore { path in
      await #expect(processExitsWith: .signal(SIGKILL)) { [path = path.string as String] in
        let tree = try TreeDatabase(opening: FilePath(path), .writing)
        try tree.write { tree in
          for id in 2..<3000 { try tree.insert(node(id, 0, String(repeating: "x", count: 1000)), generation(id, 1)) }
          raise(SIGKILL)
        }
      }
      await listsAsNobody(path)
      #expect(try TreeDatabase(opening: path, .reading).ids == [0, 1])
      let tree = try TreeDatabase(opening: path, .writing)
      #expect(try tree.integrityProblems() == [])
      try tree.write { try $0.insert(node(2, 0), generation(2, 1)) }
      #expect(try tree.ids == [0, 1, 2])
    }
  }

  @Test(.requiresRoot, arguments: ["", "-shm", "-wal"])
  func everybodyReadsACopyWithAStaleOrMissingIndex(_ missing: String) async throws {
    try await withStore { path in
      let copy = path.removingLastComponent().removingLastComponent().appending("copy")
      do {
        // Copied while in use, as after a power cut: the index is not what a new boot would make.
        let tree = try TreeDatabase(opening: path, .writing)
        try tree.write { try $0.setDescription("x", of: .base) }
        if missing == "-wal" { try runSuccessfully(["sqlite3", path.string, "PRAGMA wal_checkpoint(TRUNCATE)"]) }
        try runSuccessfully(["cp", "-a", path.removingLastComponent().string, copy.string])
      }
      let copied = copy.appending("tree.sqlite")
      if missing.isEmpty {
        try runSuccessfully(["dd", "if=/dev/urandom", "of=\(copied)-shm", "bs=4096", "count=8", "status=none"])
      } else {
        try runSuccessfully(["rm", "\(copied)\(missing)"])
      }
      let before = try contents(of: copy)
      await listsAsNobody(copied)
      #expect(try contents(of: copy) == before)
      #expect(try TreeDatabase(opening: copied, .reading).node(.base)?.description == "x")
      #expect(try TreeDatabase(opening: copied, .writing).ids == [0, 1])
      await listsAsNobody(copied)
    }
  }

  @Test(.requiresRoot) func whoMayNotReadIsTold() async throws {
    try await withStore { path in
      try runSuccessfully(["chmod", "600", path.string])
      await #expect(processExitsWith: .success) { [path = path.string as String] in
        try becomeNobody()
        for access in [Access.reading, .writing] {
          expectError(.notPermitted(FilePath(path))) { try TreeDatabase(opening: FilePath(path), access) }
        }
        let new = FilePath(path).removingLastComponent().appending("new.sqlite")
        expectError(.notPermitted(new)) { try TreeDatabase.create(at: new) }
      }
    }
  }

  @Test func allOfManyWritersGetTheirTurn() async throws {
    try await withStore { path in
      let (writers, rounds) = (8, 25)
      await withTaskGroup(of: Void.self) { group in
        for _ in 0..<writers {
          group.addTask {
            await #expect(processExitsWith: .success) { [path = path.string as String, rounds = rounds as Int] in
              let tree = try TreeDatabase(opening: FilePath(path), .writing)
              for _ in 0..<rounds {
                try tree.write { tree in
                  let id = try tree.allocateNode().rawValue
                  try tree.insert(node(id, 0), generation(id, 1))
                }
                #expect(try !tree.nodes().isEmpty)
              }
            }
          }
        }
      }
      let tree = try TreeDatabase(opening: path, .writing)
      #expect(try tree.ids == Array(0..<2 + writers * rounds))
      #expect(try tree.integrityProblems() == [])
    }
  }

  /// A tree with nodes 0 and 1, in its own directory inside the directory of the test.
  private func withStore(_ body: (FilePath) async throws -> Void) async throws {
    let directory = try newDirectory()
    defer { _ = try? run(["rm", "-rf", "--", directory.string]) }
    let store = directory.appending("store")
    try runSuccessfully(["mkdir", store.string])
    let path = store.appending("tree.sqlite")
    await #expect(processExitsWith: .success) { [path = path.string as String] in
      try TreeDatabase.create(at: FilePath(path))
      // As an older ast has made it, which let every user read the database.
      #expect(chmod(path, 0o644) == 0)
      try TreeDatabase(opening: FilePath(path), .writing).grow([nil, 0])
    }
    try await body(path)
  }

  private func listsAsNobody(_ path: FilePath, sourceLocation: SourceLocation = #_sourceLocation) async {
    await #expect(processExitsWith: .success, sourceLocation: sourceLocation) { [path = path.string as String] in
      try becomeNobody()
      let tree = try TreeDatabase(opening: FilePath(path), .reading)
      #expect(try tree.ids == [0, 1])
      #expect(try tree.integrityProblems() == [])
    }
  }

  /// Reads with another program while a node is added, before it is committed, and returns the output.
  ///
  /// With the `sqlite3` shell: an exit test blocks a thread of the pool, so two that wait for each other never end.
  private func readWhileWriting(_ path: FilePath, reading: FilePath) throws -> String {
    let tree = try TreeDatabase(opening: path, .writing)
    return try tree.write { tree in
      try tree.insert(node(2, 0), generation(2, 1))
      return try runSuccessfully([
        "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "sqlite3", "-readonly", reading.string,
        "SELECT group_concat(id) FROM node",
      ])
    }
  }
}

private func becomeNobody() throws {
  guard setgroups(0, nil) == 0, setgid(65534) == 0, setuid(65534) == 0 else { throw Errno(rawValue: errno) }
}
