import SQLite
import SystemPackage
import TestSupport
import Testing

@Suite struct SQLiteErrorTests {
  @Test(
    arguments: [
      (5, nil, .busy), (261, nil, .busy), (6, nil, .busy), (15, nil, .busy),
      (13, nil, .noSpace), (4874, .noSpace, .noSpace), (4874, nil, .noSpace), (778, .diskQuotaExceeded, .noSpace),
      (778, .ioError, .inputOutput), (10, nil, .inputOutput),
      (11, nil, .corrupt), (267, nil, .corrupt), (26, nil, .notADatabase),
      (8, nil, .readOnly), (264, nil, .readOnly), (3, nil, .readOnly),
      (14, nil, .cannotOpen), (14, .permissionDenied, .cannotOpen),
      (19, nil, .constraint), (787, nil, .constraint), (1, nil, .other), (21, .noSpace, .other),
    ] as [(Int32, Errno?, SQLiteError.Kind)])
  func codesHaveAKind(_ code: Int32, _ system: Errno?, _ kind: SQLiteError.Kind) {
    let error = SQLiteError(extendedCode: code, message: "", operation: "", systemError: system)
    #expect(error.kind == kind)
    #expect(error.code == code & 0xff)
  }

  @Test func garbageIsNoDatabase() throws {
    try withTemporaryDirectory { directory in
      let path = directory.appending("a")
      try runSuccessfully(["dd", "if=/dev/urandom", "of=\(path)", "bs=4096", "count=2", "status=none"])
      let database = try Connection(to: path, .writing)
      expectFailure(.notADatabase) { try database.schemaVersion() }
    }
  }

  @Test func aDamagedPageIsCorrupt() throws {
    try withTemporaryDirectory { directory in
      let path = directory.appending("a")
      try Connection(to: path, .creating).execute("CREATE TABLE t (v); INSERT INTO t VALUES (1)")
      try runSuccessfully([
        "dd", "if=/dev/urandom", "of=\(path)", "bs=4096", "seek=1", "count=1", "conv=notrunc", "status=none",
      ])
      let database = try Connection(to: path, .reading)
      expectFailure(.corrupt) { try database.rows("SELECT * FROM t") }
    }
  }
}
