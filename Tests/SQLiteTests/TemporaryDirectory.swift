import Glibc
import SQLite
import SystemPackage
import TestSupport
import Testing

/// Runs `body` with a new empty directory in memory, which everybody may enter, and removes it afterwards.
func withTemporaryDirectory<T>(_ body: (FilePath) throws -> T) throws -> T {
  var template = Array("/dev/shm/ast-sqlite-XXXXXX".utf8CString)
  guard mkdtemp(&template) != nil else { throw Errno(rawValue: errno) }
  let directory = FilePath(platformString: template)
  defer { _ = try? run(["rm", "-rf", "--", directory.string]) }
  guard chmod(directory.string, 0o755) == 0 else { throw Errno(rawValue: errno) }
  return try body(directory)
}

/// Expects `body` to throw an `SQLiteError` of this kind, and returns it.
@discardableResult
func expectFailure<T>(
  _ kind: SQLiteError.Kind, sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> T
) -> SQLiteError? {
  let error = #expect(throws: SQLiteError.self, sourceLocation: sourceLocation) { _ = try body() }
  #expect(error?.kind == kind, sourceLocation: sourceLocation)
  return error
}
