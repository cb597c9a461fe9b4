internal import CSQLite

extension Connection {
  /// How a transaction starts.
  public enum TransactionKind: String, Sendable {
    /// Takes a lock with the first statement that needs one.
    case deferred = "BEGIN DEFERRED"
    /// Takes the write lock at once, so that it cannot fail later because another connection wrote in between.
    case immediate = "BEGIN IMMEDIATE"
  }

  /// Whether a transaction is open.
  public var isInTransaction: Bool { sqlite3_get_autocommit(handle) == 0 }

  /// Starts a transaction.
  public func begin(_ kind: TransactionKind) throws(SQLiteError) {
    try run(kind.rawValue)
  }

  /// Makes the transaction durable. When it throws, the transaction may still be open: roll it back.
  public func commit() throws(SQLiteError) {
    try prepareCommit()
    try run("COMMIT")
  }

  /// Undoes the transaction, if one is open. SQLite has done it already after some errors, such as a full disk.
  public func rollBack() {
    guard isInTransaction else { return }
    // A ROLLBACK fails only if nothing can be undone or a statement is being read: the transaction
    // is then undone when that statement ends (https://sqlite.org/lang_transaction.html).
    sqlite3_exec(handle, "ROLLBACK", nil, nil, nil)
  }

  /// Runs `body` in a transaction: committed if it returns, undone if it throws.
  @discardableResult
  public func transaction<T>(_ kind: TransactionKind = .immediate, _ body: () throws -> T) throws -> T {
    try begin(kind)
    do {
      let result = try body()
      try commit()
      return result
    } catch {
      rollBack()
      throw error
    }
  }
}
