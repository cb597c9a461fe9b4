internal import SQLite
public import SystemPackage

internal import Glibc

extension TreeDatabase {
  /// Makes a new database at `path`, without nodes. Throws `.exists` if the path exists already.
  ///
  /// The file gets its name when it is complete and on disk. Only its owner may read it.
  public static func create(at path: FilePath) throws(TreeError) {
    try create(at: path) { _ throws(TreeError) in }
  }

  /// Makes a new database at `path` and lets `fill` fill it, inside `write`.
  static func create(
    at path: FilePath, filledBy fill: (TreeDatabase) throws(TreeError) -> Void
  ) throws(TreeError) {
    guard FileIdentity(of: path) == nil else { throw .exists(path) }
    let temporary = path.adding(".\(getpid()).new")
    remove(temporary)
    defer { remove(temporary) }
    try makeFile(temporary, namedLater: path)
    try build(temporary, namedLater: path, fill)
    try give(temporary, itsName: path)
  }

  private static func build(
    _ temporary: FilePath, namedLater path: FilePath, _ fill: (TreeDatabase) throws(TreeError) -> Void
  ) throws(TreeError) {
    do {
      let connection = try Connection(to: temporary, .writing)
      // Other processes do not see the file, and it is synced as a whole at the end.
      try connection.execute("PRAGMA foreign_keys = ON; PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY")
      try connection.transaction { try Schema.current.migrate(connection) }
      try TreeDatabase(connection, path: path, .writing).write { tree in try fill(tree) }
      // The header records this: every later connection uses a log.
      try connection.useWriteAheadLog()
      try connection.leaveWriteAheadLog()
    } catch let error as SQLiteError {
      throw TreeError(error, path)
    } catch let error as TreeError {
      throw error
    } catch {
      throw .sqlite(path, code: 0, detail: "\(error)")
    }
  }

  /// For root alone, whatever the umask is: who can open it can hold a lock that a change waits for. SQLite gives the log
  /// and the index the mode of the database.
  private static func makeFile(_ file: FilePath, namedLater path: FilePath) throws(TreeError) {
    do {
      let descriptor = try FileDescriptor.open(
        file, .readWrite, options: [.create, .exclusiveCreate, .closeOnExec], permissions: [.ownerReadWrite])
      try descriptor.closeAfter {
        guard fchmod(descriptor.rawValue, 0o600) == 0 else { throw Errno(rawValue: errno) }
      }
    } catch {
      throw failure(error as? Errno, path)
    }
  }

  /// Uses `link` and not `rename`, which would replace a file that another process made meanwhile.
  private static func give(_ temporary: FilePath, itsName path: FilePath) throws(TreeError) {
    do {
      try sync(temporary)
      let result = temporary.withPlatformString { old in path.withPlatformString { new in link(old, new) } }
      guard result == 0 else { throw Errno(rawValue: errno) }
      remove(temporary)
      let directory = path.removingLastComponent()
      try sync(directory.isEmpty ? "." : directory)
    } catch {
      throw failure(error as? Errno, path)
    }
  }

  private static func sync(_ path: FilePath) throws {
    let descriptor = try FileDescriptor.open(path, .readOnly, options: .closeOnExec)
    try descriptor.closeAfter {
      guard fsync(descriptor.rawValue) == 0 else { throw Errno(rawValue: errno) }
    }
  }

  private static func remove(_ temporary: FilePath) {
    for suffix in ["", "-wal", "-shm"] {
      temporary.adding(suffix).withPlatformString { _ = unlink($0) }
    }
  }

  private static func failure(_ errno: Errno?, _ path: FilePath) -> TreeError {
    switch errno {
    case .fileExists: .exists(path)
    case .permissionDenied, .notPermitted: .notPermitted(path)
    case .noSuchFileOrDirectory: .missing(path.removingLastComponent())
    case .readOnlyFileSystem: .readOnly(path)
    case .noSpace, .diskQuotaExceeded: .noSpace(path)
    default: .sqlite(path, code: 0, detail: "\(errno.map { "\($0)" } ?? "unknown error")")
    }
  }
}
