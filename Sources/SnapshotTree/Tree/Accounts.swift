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
    try claim([Account(kind: kind, name: name, id: id)])[0]
  }

  /// The same for several accounts, in their order. The time it takes grows with the number of accounts and no faster: a
  /// node can have any number of them.
  @discardableResult
  public func claim(_ wanted: [Account]) throws(TreeError) -> [Account] {
    try requireWrite()
    let registered = try accounts()
    var numbers = AccountNumbersTaken(registered)
    var known: [Account.Kind: [String: Account]] = [:]
    for account in registered { known[account.kind, default: [:]][account.name] = account }
    var claimed: [Account] = []
    for account in wanted {
      if let known = known[account.kind]?[account.name] {
        claimed.append(known)
        continue
      }
      guard let free = numbers.take(account.kind, from: account.id, in: TreeDatabase.range(of: account.id)) else {
        throw .noFreeAccountID(account.kind, name: account.name)
      }
      try run("INSERT INTO account (kind, name, id) VALUES (?, ?, ?)", account.kind.rawValue, account.name, free)
      let new = Account(kind: account.kind, name: account.name, id: free)
      known[account.kind, default: [:]][account.name] = new
      claimed.append(new)
    }
    return claimed
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

/// The numbers that are taken, and where the search for a free one goes on.
private struct AccountNumbersTaken {
  private var taken: [Account.Kind: Set<UInt32>] = [:]
  /// For a number from which a search began, the first one after it that was not looked at yet: all between are taken.
  private var searched: [Account.Kind: [UInt32: UInt32]] = [:]

  init(_ accounts: [Account]) {
    for account in accounts { taken[account.kind, default: []].insert(account.id) }
  }

  /// Takes the first free number from `id` to the end of its range, or else from the start of that.
  mutating func take(_ kind: Account.Kind, from id: UInt32, in range: ClosedRange<UInt32>) -> UInt32? {
    let free =
      (range.contains(id) ? search(kind, from: id, to: range.upperBound) : nil)
      ?? search(kind, from: range.lowerBound, to: range.upperBound)
    if let free { taken[kind, default: []].insert(free) }
    return free
  }

  private mutating func search(_ kind: Account.Kind, from start: UInt32, to end: UInt32) -> UInt32? {
    var number = searched[kind]?[start] ?? start
    while number <= end, taken[kind]?.contains(number) == true {
      guard number < .max else { return nil }
      number += 1
    }
    searched[kind, default: [:]][start] = number
    return number <= end ? number : nil
  }
}
