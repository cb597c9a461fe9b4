/// The users of a new deployment and their passwords.
struct UserMerge {
  let passwd: AccountFile<PasswdEntry>?
  let shadow: AccountFile<ShadowEntry>?
  /// The names in one of the three trees that are not in the result.
  let gone: Set<String>
  /// The names that the new generation does not have.
  let onlyLive: Set<String>

  init(
    pristine: AccountFiles, live: AccountFiles, new: AccountFiles, _ decisions: inout AccountDecisions
  ) {
    let users = LineMerge(pristine.passwd, live.passwd, new.passwd)
    let passwords = LineMerge(pristine.shadow, live.shadow, new.shadow)
    var merged: [String: PasswdEntry] = [:]
    for name in users.names {
      let user = users.versions(name)
      let password = passwords.versions(name)
      let touched = password.live != password.pristine
      guard decisions.keeps(.user, name, user, touched: touched) else { continue }
      decisions.noteNumber(.user, user)
      merged[name] = Self.user(user)
    }
    passwd = users.file { name in merged[name].map { [$0] } ?? [] }
    gone = Set(users.names).subtracting(merged.keys)
    let locked = Set(
      merged.keys.filter { name in
        let user = users.versions(name)
        return user.new == nil && user.pristine != nil && user.live.map { !isPerson($0.id) } ?? false
      })
    onlyLive = Set(merged.keys.filter { users.versions($0).new == nil })
    shadow = Self.shadow(passwords, passwd?.entries ?? [], without: gone, locked: locked, &decisions)
    decisions.noteShared(
      .user, in: passwd?.entries ?? [], live: live.passwd?.entries ?? [], new: new.passwd?.entries ?? [])
  }

  private static func user(_ user: ThreeWay<PasswdEntry?>) -> PasswdEntry? {
    guard let live = user.live, var merged = user.new else { return user.new ?? user.live }
    let appeared = isPerson(merged.id) ? Side.live : .new
    for index in [1, 3, 4, 5, 6] {
      merged[index] = user.field(index, live: live, new: merged, appeared: appeared)
    }
    return merged
  }

  /// Gives each user whose password is in shadow(5) an entry there, and removes all other entries.
  private static func shadow(
    _ passwords: LineMerge<ShadowEntry>, _ users: [PasswdEntry], without gone: Set<String>, locked: Set<String>,
    _ decisions: inout AccountDecisions
  ) -> AccountFile<ShadowEntry>? {
    let names = Set(users.map(\.name))
    let orphans = passwords.names.filter { !names.contains($0) && !gone.contains($0) }
    decisions.remarks += orphans.map { .repaired(.user, name: $0) }
    let file = passwords.file { name in
      if locked.contains(name) { return ShadowEntry(lockedUser: name).map { [$0] } ?? [] }
      return names.contains(name) ? password(passwords.versions(name)).map { [$0] } ?? [] : []
    }
    guard let file else { return nil }
    let present = Set(file.entries.map(\.name))
    let missing = users.filter { !present.contains($0.name) && $0[1] == [UInt8(ascii: "x")] }
    decisions.remarks += missing.map { .repaired(.user, name: $0.name) }
    let added = missing.compactMap { ShadowEntry(lockedUser: $0.name)?.line }
    return added.isEmpty ? file : AccountFile(lines: file.lines.filter { !$0.isEmpty } + added)
  }

  /// The password and the day it was set belong together; the other fields are independent.
  private static func password(_ password: ThreeWay<ShadowEntry?>) -> ShadowEntry? {
    guard let live = password.live, var merged = password.new else { return password.live ?? password.new }
    guard let pristine = password.pristine else { return live }
    let secret = ThreeWay([pristine[1], pristine[2]], [live[1], live[2]], [merged[1], merged[2]]).liveFirst
    for (index, value) in zip([1, 2], secret) { merged[index] = value }
    for index in 3...8 {
      merged[index] = password.field(index, live: live, new: merged, appeared: .live)
    }
    return merged
  }
}
