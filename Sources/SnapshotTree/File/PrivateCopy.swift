internal import SQLite
internal import SystemPackage

internal import Glibc

/// A copy in memory of a database whose log or index is missing, or whose index is not that of its log.
///
/// They are missing in a new database, in a backup, and after a use of the `sqlite3` shell. SQLite makes the missing
/// files as soon as it reads, but not every user who may read may make them. A process that has the database open has
/// made both; so while one is missing no process writes, and copying the files gives one state. An index of another log
/// is left by a killed command (``LogIndex``), or belongs to one that is in its first commit: then the copy has the state
/// before it or after it.
struct PrivateCopy {
  let path: FilePath

  init(of path: FilePath) {
    self.path = path
  }

  func load() throws(SQLiteError) -> Connection {
    let directory = try makeDirectory()
    let copy = directory.appending("tree.sqlite")
    defer {
      for suffix in ["", "-wal", "-shm"] { remove(copy, suffix) }
      directory.withPlatformString { _ = rmdir($0) }
    }
    try copyUnchanged(to: copy)
    let memory = try Connection()
    // The copy gets its log and index in memory, where we may write.
    try memory.copy(from: try Connection(to: copy, .writing))
    return memory
  }

  private func copyUnchanged(to copy: FilePath) throws(SQLiteError) {
    for _ in 0..<100 {
      let before = identities
      let bytes = try wholeFile()
      try write(bytes, to: copy)
      let log = try readLog()
      if let log { try write(log, to: copy.adding("-wal")) } else { remove(copy, "-wal") }
      if identities == before { return }
      usleep(2000)
    }
    throw failure("copy", .resourceBusy)
  }

  private var identities: [FileIdentity?] {
    ["", "-wal", "-shm"].map { FileIdentity(of: path.adding($0)) }
  }

  private func wholeFile() throws(SQLiteError) -> [UInt8] {
    let connection = try Connection(to: path, .reading)
    let size = Int(try connection.fileSize())
    var bytes: [UInt8] = []
    bytes.reserveCapacity(size)
    while bytes.count < size {
      let chunk = try connection.fileBytes(at: Int64(bytes.count), count: min(size - bytes.count, 1 << 24))
      guard !chunk.isEmpty else { break }
      bytes += chunk
    }
    return bytes
  }

  /// The log has no locks of its own that closing it could drop: those are on the file and on the index.
  private func readLog() throws(SQLiteError) -> [UInt8]? {
    let log = path.adding("-wal")
    do {
      let file = try FileDescriptor.open(log, .readOnly, options: .closeOnExec)
      return try file.closeAfter {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
          let count = try chunk.withUnsafeMutableBytes { try file.read(into: $0) }
          guard count > 0 else { return bytes }
          bytes += chunk[..<count]
        }
      }
    } catch Errno.noSuchFileOrDirectory {
      return nil
    } catch {
      throw failure("read \(log)", error as? Errno)
    }
  }

  private func write(_ bytes: [UInt8], to file: FilePath) throws(SQLiteError) {
    do {
      let descriptor = try FileDescriptor.open(
        file, .writeOnly, options: [.create, .truncate, .closeOnExec], permissions: .ownerReadWrite)
      try descriptor.closeAfter { _ = try descriptor.writeAll(bytes) }
    } catch {
      throw failure("write \(file)", error as? Errno)
    }
  }

  private func makeDirectory() throws(SQLiteError) -> FilePath {
    let parent = getenv("TMPDIR").map { FilePath(platformString: $0) } ?? "/tmp"
    var template = Array("\(parent.appending("ast-tree.XXXXXX"))".utf8CString)
    let made = template.withUnsafeMutableBufferPointer { buffer in
      buffer.baseAddress.flatMap { mkdtemp($0) } != nil
    }
    guard made else { throw failure("make a directory in \(parent)", Errno(rawValue: errno)) }
    return template.withUnsafeBufferPointer { buffer in
      buffer.baseAddress.map { FilePath(platformString: $0) } ?? parent
    }
  }

  private func remove(_ file: FilePath, _ suffix: String) {
    file.adding(suffix).withPlatformString { _ = unlink($0) }
  }

  private func failure(_ operation: String, _ errno: Errno?) -> SQLiteError {
    SQLiteError(cannot: operation, errno)
  }
}
