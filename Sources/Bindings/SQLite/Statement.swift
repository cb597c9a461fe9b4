internal import CSQLite

/// A prepared statement and, after `step()` has returned true, its present row. Columns count from 0.
///
/// It belongs to the thread that uses its connection.
public final class Statement {
  /// The SQL text.
  public let sql: String
  private let handle: OpaquePointer
  private let hooks: ConnectionHooks

  init(_ handle: OpaquePointer, sql: String, hooks: ConnectionHooks) {
    self.handle = handle
    self.sql = sql
    self.hooks = hooks
  }

  deinit { sqlite3_finalize(handle) }

  /// The number of columns of a row.
  public var columnCount: Int { Int(sqlite3_column_count(handle)) }

  /// Sets all parameters, in order; the number of values must be that of the parameters.
  public func bind(_ values: [any ValueConvertible]) throws(SQLiteError) {
    guard values.count == Int(sqlite3_bind_parameter_count(handle)) else {
      throw SQLiteError(
        extendedCode: SQLITE_RANGE, message: "\(values.count) values for other parameters", operation: sql)
    }
    for (index, value) in values.enumerated() {
      try bind(value, at: index)
    }
  }

  /// Sets the parameter at `index`, counted from 0.
  public func bind(_ value: some ValueConvertible, at index: Int) throws(SQLiteError) {
    let position = Int32(truncatingIfNeeded: index + 1)
    let result: Int32
    switch value.value {
    case .null: result = sqlite3_bind_null(handle, position)
    case .integer(let integer): result = sqlite3_bind_int64(handle, position, integer)
    case .real(let real): result = sqlite3_bind_double(handle, position, real)
    case .text(var text):
      result = text.withUTF8 { bytes in
        // A null pointer would bind NULL: an empty string still needs an address.
        bytes.withMemoryRebound(to: CChar.self) { characters in
          guard let start = characters.baseAddress else { return csqlite_bind_text(handle, position, "", 0) }
          return csqlite_bind_text(handle, position, start, UInt64(characters.count))
        }
      }
    case .blob(let bytes):
      result = bytes.withUnsafeBytes { buffer in
        guard let start = buffer.baseAddress else { return sqlite3_bind_zeroblob(handle, position, 0) }
        return csqlite_bind_blob(handle, position, start, UInt64(buffer.count))
      }
    }
    guard result == SQLITE_OK else { throw SQLiteError(of: sqlite3_db_handle(handle), sql) }
  }

  /// Goes to the next row. Returns false if there is none.
  public func step() throws(SQLiteError) -> Bool {
    switch sqlite3_step(handle) {
    case SQLITE_ROW: return true
    case SQLITE_DONE: return false
    default: throw SQLiteError(of: sqlite3_db_handle(handle), sql)
    }
  }

  /// Prepares the statement for another run, without parameters, and releases its locks.
  public func reset() {
    sqlite3_reset(handle)
    sqlite3_clear_bindings(handle)
  }

  /// Whether the column has no value.
  public func isNull(_ column: Int) -> Bool {
    sqlite3_column_type(handle, Int32(truncatingIfNeeded: column)) == SQLITE_NULL
  }

  /// The column as an integer; null is 0.
  public func integer(_ column: Int) -> Int64 {
    sqlite3_column_int64(handle, Int32(truncatingIfNeeded: column))
  }

  /// The column as an integer, or nil if it is null.
  public func optionalInteger(_ column: Int) -> Int64? {
    isNull(column) ? nil : integer(column)
  }

  /// The column as a number; null is 0.
  public func real(_ column: Int) -> Double {
    sqlite3_column_double(handle, Int32(truncatingIfNeeded: column))
  }

  /// The column as text, copied once; null is the empty text.
  public func text(_ column: Int) -> String {
    withUTF8(column) { String(decoding: $0, as: UTF8.self) }
  }

  /// The column as text, or nil if it is null.
  public func optionalText(_ column: Int) -> String? {
    isNull(column) ? nil : text(column)
  }

  /// The bytes of the column's text where SQLite keeps them: valid only inside `body`.
  public func withUTF8<T>(_ column: Int, _ body: (UnsafeBufferPointer<UInt8>) -> T) -> T {
    let index = Int32(truncatingIfNeeded: column)
    // The text first: sqlite3_column_bytes() counts the encoding that was asked for last.
    let start = sqlite3_column_text(handle, index)
    return body(UnsafeBufferPointer(start: start, count: start == nil ? 0 : Int(sqlite3_column_bytes(handle, index))))
  }

  /// The column as bytes; null is no bytes.
  public func blob(_ column: Int) -> [UInt8] {
    let index = Int32(truncatingIfNeeded: column)
    let start = sqlite3_column_blob(handle, index)
    return Array(
      UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : Int(sqlite3_column_bytes(handle, index))))
  }

  /// The column as it is stored.
  public func value(_ column: Int) -> Value {
    switch sqlite3_column_type(handle, Int32(truncatingIfNeeded: column)) {
    case SQLITE_INTEGER: .integer(integer(column))
    case SQLITE_FLOAT: .real(real(column))
    case SQLITE_TEXT: .text(text(column))
    case SQLITE_BLOB: .blob(blob(column))
    default: .null
    }
  }
}
