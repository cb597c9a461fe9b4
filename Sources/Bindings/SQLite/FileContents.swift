internal import CSQLite

/// The bytes of the database file itself, read through the connection's own descriptor.
///
/// Opening the file a second time would not do: closing that descriptor would drop the locks that this process holds
/// on the file (https://sqlite.org/howtocorrupt.html, 2.2).
extension Connection {
  /// The size of the file in bytes, without the log.
  public func fileSize() throws(SQLiteError) -> Int64 {
    var size: sqlite3_int64 = 0
    guard let file, let read = file.pointee.pMethods?.pointee.xFileSize, read(file, &size) == SQLITE_OK else {
      throw error("read the size of the file")
    }
    return size
  }

  /// At most `count` bytes from `offset`: fewer if the file ends before.
  public func fileBytes(at offset: Int64 = 0, count: Int) throws(SQLiteError) -> [UInt8] {
    let available = try min(Int64(count), max(0, fileSize() - offset))
    guard available > 0 else { return [] }
    var result = SQLITE_OK
    let file = self.file
    let bytes = [UInt8](unsafeUninitializedCapacity: Int(available)) { buffer, initialized in
      guard let file, let read = file.pointee.pMethods?.pointee.xRead else { return result = SQLITE_IOERR }
      result = read(file, buffer.baseAddress, Int32(available), offset)
      initialized = Int(available)
    }
    guard result == SQLITE_OK || result == csqlite_ioerr_short_read else { throw error("read the file") }
    return bytes
  }
}
