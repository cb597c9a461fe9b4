internal import CSQLite

internal import Glibc
public import SystemPackage

/// A failed call of SQLite: the attempt, and all that SQLite knows about the cause.
public struct SQLiteError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The causes that callers distinguish.
  public enum Kind: Sendable, Equatable {
    /// Another connection holds the lock, and the busy timeout is over.
    case busy
    /// The file system or the quota is full.
    case noSpace
    /// The file is damaged.
    case corrupt
    /// The file is not an SQLite database.
    case notADatabase
    /// The file, its directory or the connection cannot be written.
    case readOnly
    /// The file, or one that belongs to it, cannot be opened.
    case cannotOpen
    /// A constraint of the schema refused the change.
    case constraint
    /// Reading or writing failed.
    case inputOutput
    /// Anything else, such as an error in the SQL.
    case other
  }

  /// The extended result code (`SQLITE_IOERR_FSYNC` and the like, https://sqlite.org/rescode.html).
  public let extendedCode: Int32
  /// SQLite's own sentence.
  public let message: String
  /// The SQL text, or a phrase such as `open`.
  public let operation: String
  /// The last error number of the operating system, if there was one.
  public let systemError: Errno?

  /// An error with these facts.
  public init(extendedCode: Int32, message: String, operation: String, systemError: Errno? = nil) {
    self.extendedCode = extendedCode
    self.message = message
    self.operation = operation
    self.systemError = systemError
  }

  /// The error of the last call on a connection.
  init(of connection: OpaquePointer?, _ operation: String) {
    let isCorrupt = sqlite3_extended_errcode(connection) & 0xff == SQLITE_CORRUPT
    let number = isCorrupt ? csqlite_read_errno(connection) : 0
    if number == EIO || number == ENXIO {
      self.init(
        extendedCode: SQLITE_IOERR, message: String(cString: sqlite3_errstr(SQLITE_IOERR)), operation: operation,
        systemError: Errno(rawValue: number))
      return
    }
    let system = sqlite3_system_errno(connection)
    self.init(
      extendedCode: sqlite3_extended_errcode(connection), message: String(cString: sqlite3_errmsg(connection)),
      operation: operation, systemError: system == 0 ? nil : Errno(rawValue: system))
  }

  /// `SQLITE_FULL`: the file or the log could not be made larger.
  public static let full: Int32 = SQLITE_FULL
  /// `SQLITE_CANTOPEN`: the file, or one that belongs to it, cannot be opened.
  public static let cannotOpen: Int32 = SQLITE_CANTOPEN

  /// The primary result code: the low byte of the extended one.
  public var code: Int32 { extendedCode & 0xff }

  /// The class of the error.
  public var kind: Kind {
    switch code {
    case SQLITE_BUSY, SQLITE_LOCKED, SQLITE_PROTOCOL: .busy
    case SQLITE_FULL: .noSpace
    // Making the index of the log larger needs only space.
    case SQLITE_IOERR where extendedCode == csqlite_ioerr_shmsize: .noSpace
    case SQLITE_IOERR:
      systemError == .noSpace || systemError == .diskQuotaExceeded ? .noSpace : .inputOutput
    case SQLITE_CORRUPT: .corrupt
    case SQLITE_NOTADB: .notADatabase
    case SQLITE_READONLY, SQLITE_PERM: .readOnly
    case SQLITE_CANTOPEN: .cannotOpen
    case SQLITE_CONSTRAINT: .constraint
    default: .other
    }
  }

  /// One line for a log or a bug report.
  public var description: String {
    let system = systemError.map { ", \($0)" } ?? ""
    return "\(message) (SQLite \(extendedCode)\(system)): \(operation)"
  }
}

extension SQLiteError {
  /// The error for a file that could not be prepared for SQLite, as SQLite itself would report it.
  public init(cannot operation: String, _ systemError: Errno?) {
    self.init(
      extendedCode: systemError == .noSpace
        ? SQLITE_FULL : systemError == .resourceBusy ? SQLITE_BUSY : SQLITE_CANTOPEN,
      message: "cannot \(operation)", operation: operation, systemError: systemError)
  }
}
