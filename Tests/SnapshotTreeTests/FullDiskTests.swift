import SnapshotTree
import SystemPackage
import TestSupport
import Testing

@Suite(.requiresRoot, .serialized) struct FullDiskTests {
  @Test func aFullDiskIsSaidAndHurtsNothing() throws {
    let disk = try LoopBtrfs.small()
    defer { disk.remove() }
    let path = disk.root.appending("tree.sqlite")
    try TreeDatabase.create(at: path)
    let tree = try TreeDatabase(opening: path, .writing)
    try tree.grow([nil])
    try fill(disk.root)
    for _ in 0..<5 {
      expectError(.noSpace(path)) { try tree.write { try $0.insert(node(1, 0), generation(1, 1)) } }
    }
    let new = disk.root.appending("new.sqlite")
    expectError(.noSpace(new)) { try TreeDatabase.create(at: new) }
    #expect(
      try run(["ls", disk.root.string]).stdout == "fill-1M\nfill-4k\ntree.sqlite\ntree.sqlite-shm\ntree.sqlite-wal\n")
    try runSuccessfully(["sh", "-c", "rm '\(disk.root)'/fill-*; sync -f '\(disk.root)'"])
    try tree.write { try $0.insert(node(1, 0), generation(1, 1)) }
    #expect(try tree.ids == [0, 1])
    #expect(try tree.integrityProblems() == [])
  }

  @Test func aDiskThatFillsUpDuringAWriteUndoesIt() throws {
    let disk = try LoopBtrfs.small()
    defer { disk.remove() }
    let path = disk.root.appending("tree.sqlite")
    try TreeDatabase.create(at: path)
    let tree = try TreeDatabase(opening: path, .writing)
    expectError(.noSpace(path)) {
      try tree.write { tree in
        try tree.insert(node(0, nil), generation(0, 1))
        try fill(disk.root)
      }
    }
    try runSuccessfully(["sh", "-c", "rm '\(disk.root)'/fill-*; sync -f '\(disk.root)'"])
    #expect(try tree.ids == [])
    try tree.grow([nil])
    #expect(try TreeDatabase(opening: path, .reading).ids == [0])
  }

  private func fill(_ root: FilePath) throws {
    for block in ["1M", "4k", "1M", "4k"] {
      _ = try run(["dd", "if=/dev/urandom", "of=\(root)/fill-\(block)", "bs=\(block)", "oflag=append", "conv=notrunc"])
      try runSuccessfully(["sync", "-f", root.string])
    }
  }

  @Test func aFullDiskCanBeRead() throws {
    let disk = try LoopBtrfs.small()
    defer { disk.remove() }
    let path = disk.root.appending("tree.sqlite")
    try TreeDatabase.create(at: path)
    try TreeDatabase(opening: path, .writing).grow([nil, 0])
    try fill(disk.root)
    #expect(try TreeDatabase(opening: path, .reading).ids == [0, 1])
  }
}
