extension AccountMerge {
  /// Brings the accounts of people into a deployment that goes back to its own /etc: they follow the machine, as /home
  /// does.
  ///
  /// * People, and root's password: as the system that ran last has them, with their memberships. One that is missing
  ///   there was deleted there if it was `known`, and otherwise never got there.
  /// * Accounts of the system: as they are here. One that only the other system has is added with its number, so that
  ///   the number is not given to another one, and is locked.
  ///
  /// - Parameters:
  ///   - other: the accounts of the system that ran last.
  ///   - own: those of the deployment.
  ///   - known: the names of the people that the other system has had.
  public init(following other: AccountFiles, into own: AccountFiles, known: Set<String>) {
    let people = People(own: own, other: other, known: known)
    var live = AccountFiles()
    live.passwd = people.combine(own.passwd, other.passwd) { $0 }
    live.shadow = people.combine(own.shadow, other.shadow) { entry in ShadowEntry(lockedUser: entry.name) ?? entry }
    live.group = people.combineGroups(own.group, other.group)
    live.gshadow = people.combineGroups(own.gshadow, other.gshadow, isShadow: true)
    live.subuid = people.combine(own.subuid, other.subuid) { $0 }
    live.subgid = people.combine(own.subgid, other.subgid) { $0 }
    self.init(pristine: own, live: live, new: own)
  }

  /// The names of the people in account files.
  public static func people(in accounts: AccountFiles) -> [String] {
    (accounts.passwd?.entries ?? []).filter { isPerson($0.id) }.map(\.name)
  }
}

/// The people of two systems.
private struct People {
  /// Root, and all people of the two.
  private let names: Set<String>
  /// The people whom the other system does not have any more.
  private let gone: Set<String>
  /// The people whom only this system has had.
  private let onlyHere: Set<String>

  init(own: AccountFiles, other: AccountFiles, known: Set<String>) {
    let (here, there) = (Set(AccountMerge.people(in: own)), Set(AccountMerge.people(in: other)))
    names = here.union(there).union(["root"])
    gone = here.subtracting(there).intersection(known)
    onlyHere = here.subtracting(there).subtracting(known)
  }

  /// The file of this system with the people of the other one, and then the accounts that only the other one has.
  func combine<Entry: AccountLine>(
    _ own: AccountFile<Entry>?, _ other: AccountFile<Entry>?, locked: (Entry) -> Entry
  ) -> AccountFile<Entry>? {
    guard let own else { return other }
    guard let other else { return own }
    let lines = Dictionary(grouping: other.entries, by: \.name)
    var placed: Set<String> = []
    var result: [[UInt8]] = []
    for line in own.lines where !line.isEmpty {
      guard let entry = Entry(line), names.contains(entry.name) else {
        if let entry = Entry(line) { placed.insert(entry.name) }
        result.append(line)
        continue
      }
      if let there = lines[entry.name] {
        if placed.insert(entry.name).inserted { result += there.map(\.line) }
      } else if !gone.contains(entry.name) {
        result.append(line)
      }
    }
    for entry in other.entries where !placed.contains(entry.name) {
      result.append(names.contains(entry.name) ? entry.line : locked(entry).line)
    }
    return AccountFile(lines: result)
  }

  /// The groups of this system with the memberships of people from the other one, and then the groups that only the
  /// other one has. A person's own group goes with the person.
  func combineGroups<Entry: AccountLine>(
    _ own: AccountFile<Entry>?, _ other: AccountFile<Entry>?, isShadow: Bool = false
  ) -> AccountFile<Entry>? {
    guard let own else { return other }
    let others = Dictionary((other?.entries ?? []).map { ($0.name, $0) }) { first, _ in first }
    var placed: Set<String> = []
    var result: [[UInt8]] = []
    for line in own.lines where !line.isEmpty {
      guard var entry = Entry(line) else {
        result.append(line)
        continue
      }
      placed.insert(entry.name)
      guard !gone.contains(entry.name) else { continue }
      if let match = others[entry.name] { entry[3] = members(of: entry[3], as: match[3]) }
      result.append(entry.line)
    }
    for var entry in other?.entries ?? [] where !placed.contains(entry.name) {
      if isShadow, !names.contains(entry.name) { entry[1] = [UInt8(ascii: "!")] }
      result.append(entry.line)
    }
    return AccountFile(lines: result)
  }

  /// The members of the system's own accounts here, and the people there.
  private func members(of own: [UInt8], as other: [UInt8]) -> [UInt8] {
    let comma = UInt8(ascii: ",")
    let isPerson = { (name: ArraySlice<UInt8>) in names.contains(String(decoding: name, as: UTF8.self)) }
    let isOnlyHere = { (name: ArraySlice<UInt8>) in onlyHere.contains(String(decoding: name, as: UTF8.self)) }
    let kept = own.split(separator: comma).filter { !isPerson($0) || isOnlyHere($0) }
    let people = other.split(separator: comma).filter(isPerson)
    return Array((kept + people).joined(separator: [comma]))
  }
}
