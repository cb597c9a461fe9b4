import FoundationEssentials
import SnapshotTree
import SystemPackage
import TestSupport
import Testing

/// A command that was killed between the first write to a new log and its commit.
@Suite("Killed in the first commit of a log", .requiresRoot)
struct KilledCommitTests {
  @Test func everyUserCanReadAndRootCanWrite() throws {
    let store = try TestStore()
    try store.ast("clone", "0", "one").expectSuccess()
    try beginLog(of: store.root.appending("ast/tree.sqlite"))

    let read = try store.astAsNobody(["tree"])
    #expect(read.status == 0, "\(read)")
    #expect(read.stdout.contains("one"))
    try store.ast("clone", "0", "two").expectSuccess()
    #expect(try store.astAsNobody(["tree"]).stdout.contains("two"))
    try store.ast("doctor").expectSuccess()
  }

  /// Empties the log, and writes the header of a new one, which the index does not know.
  private func beginLog(of database: FilePath) throws {
    let log = FilePath("\(database)-wal")
    do {
      // While it is open, sqlite3 deletes neither log nor index at its end.
      let tree = try TreeDatabase(opening: database, .reading)
      defer { withExtendedLifetime(tree) {} }
      _ = try tree.defaultNode
      try runSuccessfully(["sqlite3", database.string, "PRAGMA wal_checkpoint(TRUNCATE)"])
    }
    #expect(try Data(contentsOf: URL(filePath: log.string)).isEmpty)
    let file = try FileDescriptor.open(log, .writeOnly)
    try file.closeAfter { _ = try file.writeAll(Self.header) }
  }

  /// Magic number, version, page size, number of the checkpoint, two salts, and the checksum of all that
  /// (https://sqlite.org/fileformat2.html, 4.1).
  private static let header: [UInt8] = {
    let words: [UInt32] = [0x377f_0682, 3_007_000, 4096, 1, 0x1234_5678, 0x9abc_def0]
    let bytes = words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (24 - 8 * $0)) } }
    var (first, second): (UInt32, UInt32) = (0, 0)
    for pair in stride(from: 0, to: words.count, by: 2) {
      first = first &+ words[pair].byteSwapped &+ second
      second = second &+ words[pair + 1].byteSwapped &+ first
    }
    return bytes + [first, second].flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (24 - 8 * $0)) } }
  }()
}
