import CSQLite
import Synchronization
import SystemPackage
import TestSupport
import Testing

@testable import SQLite
@testable import SnapshotTree

/// Commits whose last step, making the log durable, fails. All of the transaction is in the log then.
@Suite(.serialized) struct FailedCommitTests {
  @Test func aCommitThatFailedDidNotHappen() throws {
    try withFailingTree(failures: 1) { tree in
      let error = #expect(throws: TreeError.self) { try tree.write { try $0.insert(node(1, 0), generation(1, 1)) } }
      guard case .sqlite(tree.path, 1034, _) = error else {
        Issue.record("\(String(describing: error))")
        return
      }
      #expect(try tree.ids == [0])
      #expect(try idsAfterACrash(tree) == [0])
      try tree.write { try $0.insert(node(1, 0), generation(1, 1)) }
      #expect(try idsAfterACrash(tree) == [0, 1])
    }
  }

  @Test func whereThatCannotBeEnsuredNobodyClaimsIt() throws {
    try withFailingTree(failures: .max) { tree in
      let error = #expect(throws: TreeError.self) { try tree.write { try $0.insert(node(1, 0), generation(1, 1)) } }
      guard case .outcomeUnknown(tree.path, _) = error else {
        Issue.record("\(String(describing: error))")
        return
      }
    }
  }

  /// The state that the next program finds when it opens the database as this one leaves it.
  private func idsAfterACrash(_ tree: TreeDatabase) throws -> [Int] {
    let copy = tree.path.removingLastComponent().appending("copy")
    try runSuccessfully(["mkdir", copy.string])
    defer { _ = try? run(["rm", "-r", copy.string]) }
    for suffix in ["", "-wal", "-shm"] { try runSuccessfully(["cp", "\(tree.path)\(suffix)", copy.string]) }
    return try TreeDatabase(opening: copy.appending("tree.sqlite"), .writing).ids
  }

  /// Runs `body` with a tree of one node, whose log cannot be synced the next `failures` times.
  private func withFailingTree(failures: Int, _ body: (TreeDatabase) throws -> Void) throws {
    try withTree { tree in
      try tree.grow([nil])
      var log: UnsafeMutablePointer<sqlite3_file>?
      #expect(sqlite3_file_control(tree.connection.handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) == SQLITE_OK)
      let file = try #require(log)
      let original = try #require(file.pointee.pMethods)
      let methods = UnsafeMutablePointer<sqlite3_io_methods>.allocate(capacity: 1)
      methods.initialize(to: original.pointee)
      methods.pointee.xSync = { _, _ in
        // SQLITE_IOERR_FSYNC
        failuresLeft.subtract(1, ordering: .relaxed).oldValue > 0 ? 1034 : SQLITE_OK
      }
      file.pointee.pMethods = UnsafePointer(methods)
      failuresLeft.store(failures, ordering: .relaxed)
      defer {
        file.pointee.pMethods = original
        methods.deallocate()
      }
      try body(tree)
    }
  }
}

private let failuresLeft = Atomic(0)
