internal import SQLite

/// The registry of users and groups, whose numbers are the same in all nodes.
extension TreeDatabase {
  /// All accounts: groups, then users, each by number.
  public func accounts() throws(TreeError) -> [Account] {
    try rows("SELECT kind, name, id FROM account ORDER BY kind, id") { (row) throws(TreeError) in
      Account(
        kind: try choice(row, 0), name: row.text(1), id: UInt32(truncatingIfNeeded: row.integer(2)))
    }
  }

  /// The account of this name, or nil.
  public func account(_ kind: Account.Kind, _ name: String) throws(TreeError) -> Account? {
    try first("SELECT id FROM account WHERE kind = ? AND name = ?", kind.rawValue, name) {
      (row) throws(TreeError) in Account(kind: kind, name: name, id: UInt32(truncatingIfNeeded: row.integer(0)))
    }
  }

  /// The account of this name. If there is none, it is registered: with the preferred number, or, if that is taken,
  /// with the next free number of the same range.
  public func claim(_ kind: Account.Kind, _ name: String, preferring id: UInt32) throws(TreeError) -> Account {
    try requireWrite()
    if let known = try account(kind, name) { return known }
    guard let free = try freeID(kind, from: id) else { throw .noFreeAccountID(kind, name: name) }
    try run("INSERT INTO account (kind, name, id) VALUES (?, ?, ?)", kind.rawValue, name, free)
    return Account(kind: kind, name: name, id: free)
  }

  /// The first free number from `id` to the end of its range, then from the start of that.
  private func freeID(_ kind: Account.Kind, from id: UInt32) throws(TreeError) -> UInt32? {
    let range = TreeDatabase.range(of: id)
    let taken = try rows(
      "SELECT id FROM account WHERE kind = ? AND id BETWEEN ? AND ? ORDER BY id", kind.rawValue, range.lowerBound,
      range.upperBound
    ) { (row) throws(TreeError) in UInt32(truncatingIfNeeded: row.integer(0)) }
    let set = Set(taken)
    if range.contains(id), let free = (id...range.upperBound).first(where: { !set.contains($0) }) { return free }
    return range.first { !set.contains($0) }
  }

  /// Debian policy 9.2.2: 0–99 are given by the base system, 100–999 to packages, 1000–59999 to people; 60000–64999
  /// again by the base system. Higher numbers are for administrators and for ranges of subordinate numbers. 65534 is
  /// nobody, 65535 and the highest number mean none.
  private static func range(of id: UInt32) -> ClosedRange<UInt32> {
    switch id {
    case ..<100: 0...99
    case ..<1000: 100...999
    case ..<60000: 1000...59999
    case ..<65534: 60000...65533
    case 65534: 65534...65534
    default: 65536...UInt32.max - 1
    }
  }
}
