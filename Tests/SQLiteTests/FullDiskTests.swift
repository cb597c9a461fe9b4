import SQLite
import SystemPackage
import TestSupport
import Testing

/// On btrfs a write through a mapping that finds no space is not an error but SIGBUS.
@Suite(.requiresRoot, .serialized) struct FullDiskTests {
  private func fill(_ root: FilePath) throws {
    for block in ["1M", "4k", "1M", "4k"] {
      _ = try run(["dd", "if=/dev/urandom", "of=\(root)/fill-\(block)", "bs=\(block)", "oflag=append", "conv=notrunc"])
      try runSuccessfully(["sync", "-f", root.string])
    }
  }

  @Test func aFullDiskIsAnErrorAndTheConnectionSurvivesIt() throws {
    let disk = try LoopBtrfs.small()
    defer { disk.remove() }
    let database = try Connection(to: disk.root.appending("a"), .creating)
    try database.useWriteAheadLog()
    try database.execute("CREATE TABLE t (v)")
    try database.run("INSERT INTO t VALUES (1)")
    try fill(disk.root)
    for _ in 0..<20 {
      expectFailure(.noSpace) {
        try database.transaction { try database.run("INSERT INTO t VALUES (randomblob(9000))") }
      }
      #expect(!database.isInTransaction)
    }
    try runSuccessfully(["sh", "-c", "rm '\(disk.root)'/fill-*; sync -f '\(disk.root)'"])
    #expect(try database.value("SELECT count(*) FROM t") == .integer(1))
    try database.transaction { try database.run("INSERT INTO t VALUES (2)") }
    #expect(try database.value("SELECT count(*) FROM t") == .integer(2))
  }

  @Test func aDiskThatFillsUpDuringATransactionFailsItsCommit() throws {
    let disk = try LoopBtrfs.small()
    defer { disk.remove() }
    let database = try Connection(to: disk.root.appending("a"), .creating)
    try database.useWriteAheadLog()
    try database.execute("CREATE TABLE t (v)")
    expectFailure(.noSpace) {
      try database.transaction {
        try database.run("INSERT INTO t VALUES (randomblob(9000))")
        try fill(disk.root)
      }
    }
    try runSuccessfully(["sh", "-c", "rm '\(disk.root)'/fill-*; sync -f '\(disk.root)'"])
    #expect(try database.value("SELECT count(*) FROM t") == .integer(0))
  }

  @Test func readersThatWriteNothingWorkOnAFullDisk() throws {
    let disk = try LoopBtrfs.small()
    defer { disk.remove() }
    do {
      let database = try Connection(to: disk.root.appending("a"), .creating)
      try database.useWriteAheadLog()
      try database.execute("CREATE TABLE t (v); INSERT INTO t VALUES (1)")
    }
    try fill(disk.root)
    do {
      let reader = try Connection(to: disk.root.appending("a"), .readingWithoutTrace)
      #expect(try reader.value("SELECT count(*) FROM t") == .integer(1))
    }
    expectFailure(.noSpace) { try Connection(to: disk.root.appending("a"), .reading).value("SELECT count(*) FROM t") }
    expectFailure(.noSpace) {
      let writer = try Connection(to: disk.root.appending("a"), .writing)
      try writer.transaction { try writer.run("INSERT INTO t VALUES (randomblob(9000))") }
    }
  }
}
