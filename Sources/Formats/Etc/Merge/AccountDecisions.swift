/// The accounts that a new deployment gets, and the remarks about them.
struct AccountDecisions {
  var remarks: [AccountRemark] = []

  /// Whether the account is kept. `touched` says whether a line of it in another file was changed here.
  mutating func keeps<Entry: AccountEntry>(
    _ kind: AccountRemark.Kind, _ name: String, _ account: ThreeWay<Entry?>, touched: Bool = false
  ) -> Bool {
    switch (account.live, account.new) {
    case (_?, _?): return true
    case (nil, nil): return false
    case (let live?, nil):
      guard account.pristine != nil else { return true }
      guard isPerson(live.id) else {
        remarks.append(.locked(kind, name: name))
        return true
      }
      let stays = touched || live != account.pristine
      remarks.append(stays ? .keptChanged(kind, name: name) : .gone(kind, name: name))
      return stays
    case (nil, let new?):
      guard let pristine = account.pristine else { return true }
      guard new != pristine, !isPerson(new.id) else { return false }
      remarks.append(.returned(kind, name: name))
      return true
    }
  }

  /// Notes a number that changes.
  mutating func noteNumber<Entry: AccountEntry>(_ kind: AccountRemark.Kind, _ account: ThreeWay<Entry?>) {
    guard let live = account.live, let new = account.new, live.id != new.id else { return }
    remarks.append(.renumbered(kind, name: new.name, live: live.id, new: new.id))
  }

  /// Notes numbers that become shared. Numbers that were shared before are so on purpose (`toor` and root).
  mutating func noteShared<Entry: AccountEntry>(
    _ kind: AccountRemark.Kind, in merged: [Entry], live: [Entry], new: [Entry]
  ) {
    let before = [live, new].map { Dictionary(grouping: $0, by: \.id).mapValues { Set($0.map(\.name)) } }
    for (id, entries) in Dictionary(grouping: merged, by: \.id).sorted(by: { $0.key < $1.key }) {
      let names = entries.map(\.name)
      guard names.count > 1, !before.contains(where: { $0[id]?.isSuperset(of: names) ?? false }) else { continue }
      remarks.append(.shared(kind, names: names, id: id))
    }
  }
}

/// Whether a number is in the range for people: Debian policy 9.2.2 has 1000–59999 for the people of this machine
/// (adduser).
public func isPerson(_ id: UInt32) -> Bool { (1000..<60000).contains(id) }

extension ThreeWay {
  /// One field of an account that both sides have. If neither side had the account before, `appeared` names the side
  /// that wins.
  func field<Entry: AccountLine>(_ index: Int, live: Entry, new: Entry, appeared: Side) -> [UInt8]
  where Value == Entry? {
    guard let pristine else { return appeared == .live ? live[index] : new[index] }
    return ThreeWay<[UInt8]>(pristine[index], live[index], new[index]).liveFirst
  }
}
