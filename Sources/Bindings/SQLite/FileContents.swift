internal import CSQLite
internal import Glibc
internal import SystemPackage

/// The bytes of the database file itself, read through the connection's own descriptor.
///
/// Opening the file a second time would not do: closing that descriptor would drop the locks that this process holds
/// on the file (https://sqlite.org/howtocorrupt.html, 2.2).
extension Connection {
  /// The size of the file in bytes, without the log.
  public func fileSize() throws(SQLiteError) -> Int64 {
    var size: sqlite3_int64 = 0
    let result = file.flatMap { file in file.pointee.pMethods?.pointee.xFileSize.map { $0(file, &size) } }
    guard result == SQLITE_OK else { throw Self.error(result, "read the size of the file") }
    return size
  }

  /// At most `count` bytes from `offset`: fewer if the file ends before.
  public func fileBytes(at offset: Int64 = 0, count: Int) throws(SQLiteError) -> [UInt8] {
    let available = try min(Int64(count), max(0, fileSize() - offset))
    guard available > 0 else { return [] }
    var result: Int32?
    let file = self.file
    let bytes = [UInt8](unsafeUninitializedCapacity: Int(available)) { buffer, initialized in
      guard let file, let read = file.pointee.pMethods?.pointee.xRead else { return }
      result = read(file, buffer.baseAddress, Int32(available), offset)
      initialized = Int(available)
    }
    guard result == SQLITE_OK || result == csqlite_ioerr_short_read else { throw Self.error(result, "read the file") }
    return bytes
  }

  /// What a file's own function has returned, nil if there is none: the connection does not learn of it.
  private static func error(_ result: Int32?, _ operation: String) -> SQLiteError {
    let system = Errno(rawValue: Glibc.errno)
    let code = result ?? SQLITE_CANTOPEN
    return SQLiteError(
      extendedCode: code, message: String(cString: sqlite3_errstr(code)), operation: operation,
      systemError: result == nil ? nil : system)
  }
}
