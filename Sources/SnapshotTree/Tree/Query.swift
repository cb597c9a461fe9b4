internal import FoundationEssentials
internal import Glibc
public import SQLite
internal import SystemPackage

/// The calls of SQLite for the other files: each failure becomes a `TreeError` here.
extension TreeDatabase {
  /// Runs a change. Returns the number of rows it changed.
  @discardableResult
  func run(_ sql: String, _ values: any ValueConvertible...) throws(TreeError) -> Int {
    try attempt { () throws(SQLiteError) in
      let statement = try connection.start(sql, values)
      defer { connection.finish(statement) }
      while try statement.step() {}
      return connection.changes
    }
  }

  /// Calls `body` with each row.
  func forEach(
    _ sql: String, _ values: [any ValueConvertible], _ body: (Statement) throws(TreeError) -> Void
  ) throws(TreeError) {
    let statement = try attempt { () throws(SQLiteError) in try connection.start(sql, values) }
    defer { connection.finish(statement) }
    while try attempt({ () throws(SQLiteError) in try statement.step() }) {
      try body(statement)
    }
  }

  /// The values that `decode` makes of the rows.
  func rows<T>(
    _ sql: String, _ values: any ValueConvertible..., as decode: (Statement) throws(TreeError) -> T
  ) throws(TreeError) -> [T] {
    var result: [T] = []
    try forEach(sql, values) { (row) throws(TreeError) in result.append(try decode(row)) }
    return result
  }

  /// The value that `decode` makes of the first row, or nil if there is none.
  func first<T>(
    _ sql: String, _ values: any ValueConvertible..., as decode: (Statement) throws(TreeError) -> T
  ) throws(TreeError) -> T? {
    let statement = try attempt { () throws(SQLiteError) in try connection.start(sql, values) }
    defer { connection.finish(statement) }
    guard try attempt({ () throws(SQLiteError) in try statement.step() }) else { return nil }
    return try decode(statement)
  }

  /// Whether there is a row.
  func exists(_ sql: String, _ values: any ValueConvertible...) throws(TreeError) -> Bool {
    try attempt { () throws(SQLiteError) in
      let statement = try connection.start(sql, values)
      defer { connection.finish(statement) }
      return try statement.step()
    }
  }

  func attempt<T>(_ body: () throws(SQLiteError) -> T) throws(TreeError) -> T {
    do {
      return try body()
    } catch {
      throw translate(error)
    }
  }

  func translate(_ error: SQLiteError) -> TreeError {
    TreeError(error, path)
  }

  /// The column as a subvolume; a text that is not a UUID means a damaged database.
  func subvolume(_ row: Statement, _ column: Int) throws(TreeError) -> SubvolumeUUID {
    guard let uuid = SubvolumeUUID(row.text(column)) else { throw unreadable("subvolume", row.text(column)) }
    return uuid
  }

  /// The column as a case; any other text means a damaged database, since these columns have a CHECK.
  func choice<T: RawRepresentable<String>>(_ row: Statement, _ column: Int) throws(TreeError) -> T {
    guard let choice = T(rawValue: row.text(column)) else { throw unreadable("\(T.self)", row.text(column)) }
    return choice
  }

  private func unreadable(_ what: String, _ text: String) -> TreeError {
    .corrupt(path, detail: "“\(text)” is no \(what)")
  }
}

extension TreeError {
  /// The `TreeError` for a failed statement on the tree at `path`.
  init(_ error: SQLiteError, _ path: FilePath) {
    self =
      switch error.kind {
      case .busy: .busy(path)
      case .noSpace: .noSpace(path)
      case .corrupt: .corrupt(path, detail: error.message)
      case .notADatabase: .notADatabase(path)
      case .readOnly: .readOnly(path)
      case _ where error.systemError == .isDirectory: .notADatabase(path)
      // The error may be about the directory for a private copy.
      case .cannotOpen where error.systemError == .permissionDenied && !path.is(R_OK): .notPermitted(path)
      case .cannotOpen where error.systemError == .noSuchFileOrDirectory && !path.is(F_OK): .missing(path)
      default: .sqlite(path, code: error.extendedCode, detail: error.description)
      }
  }
}

extension FilePath {
  /// Whether this process may use the file so, or for `F_OK` whether there is one.
  fileprivate func `is`(_ mode: Int32) -> Bool { withPlatformString { access($0, mode) } == 0 }
}

extension Statement {
  /// The column as an identifier.
  func identifier<T: TreeIdentifier>(_ column: Int) -> T {
    T(rawValue: Int(integer(column)))
  }

  /// The column as an identifier, or nil if it is null.
  func optionalIdentifier<T: TreeIdentifier>(_ column: Int) -> T? {
    optionalInteger(column).map { T(rawValue: Int($0)) }
  }

  /// The column, seconds since 1970, as a time.
  func date(_ column: Int) -> Date {
    Date(timeIntervalSince1970: Double(integer(column)))
  }
}

extension Date {
  /// Whole seconds since 1970, as the database stores times.
  var seconds: Int64 {
    Int64(exactly: timeIntervalSince1970.rounded(.down)) ?? 0
  }
}

extension NodeID: ValueConvertible {}
extension GenerationNumber: ValueConvertible {}
extension DeploymentID: ValueConvertible {}
extension OperationID: ValueConvertible {}
extension ManifestID: ValueConvertible {}

extension TreeIdentifier {
  /// The number.
  public var value: Value { .integer(Int64(rawValue)) }
}

extension SubvolumeUUID: ValueConvertible {
  /// The usual form, as text.
  public var value: Value { .text(description) }
}
