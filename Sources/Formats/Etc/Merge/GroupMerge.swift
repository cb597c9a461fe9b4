/// The groups of a new deployment with their members.
struct GroupMerge {
  let group: AccountFile<GroupEntry>?
  let gshadow: AccountFile<GroupShadowEntry>?

  init(
    pristine: AccountFiles, live: AccountFiles, new: AccountFiles, users: UserMerge,
    _ decisions: inout AccountDecisions
  ) {
    let groups = LineMerge(pristine.group, live.group, new.group)
    let shadows = LineMerge(pristine.gshadow, live.gshadow, new.gshadow)
    let primary = Set(users.passwd?.entries.map(\.group) ?? [])
    let numbered = Set(new.group?.entries.map(\.id) ?? [])
    var merged: [String: GroupEntry] = [:]
    for name in groups.names {
      let group = groups.versions(name)
      // A user needs its own group, whatever else was decided about the group.
      let number = (group.new ?? group.live ?? group.pristine)?.id
      let needed = number.map { primary.contains($0) && (group.new != nil || !numbered.contains($0)) } ?? false
      guard needed || decisions.keeps(.group, name, group) else { continue }
      decisions.noteNumber(.group, group)
      merged[name] = Self.group(group, without: users.gone)
    }
    group = groups.file { name in merged[name].map { [$0] } ?? [] }
    gshadow = Self.gshadow(shadows, group?.entries ?? [], known: groups.names, without: users.gone, &decisions)
    decisions.noteShared(
      .group, in: group?.entries ?? [], live: live.group?.entries ?? [], new: new.group?.entries ?? [])
  }

  private static func group(_ group: ThreeWay<GroupEntry?>, without gone: Set<String>) -> GroupEntry? {
    guard var merged = group.new ?? group.live ?? group.pristine else { return nil }
    if let live = group.live, let new = group.new {
      let appeared = isPerson(new.id) ? Side.live : .new
      merged[1] = group.field(1, live: live, new: new, appeared: appeared)
      merged[3] = members(ThreeWay(group.pristine?[3] ?? [], live[3], new[3]))
    }
    merged[3] = list(names(merged[3]).filter { !gone.contains(String(decoding: $0, as: UTF8.self)) })
    return merged
  }

  /// Gives each group an entry with the members of group(5), and removes all other entries, as grpck(8) wants it.
  private static func gshadow(
    _ shadows: LineMerge<GroupShadowEntry>, _ groups: [GroupEntry], known: [String], without gone: Set<String>,
    _ decisions: inout AccountDecisions
  ) -> AccountFile<GroupShadowEntry>? {
    let byName = Dictionary(groups.map { ($0.name, $0) }) { first, _ in first }
    let orphans = Set(shadows.names).subtracting(known)
    decisions.remarks += shadows.names.filter(orphans.contains).map { .repaired(.group, name: $0) }
    let file = shadows.file { name in
      guard let group = byName[name], var entry = shadow(shadows.versions(name)) else { return [] }
      entry[2] = list(names(entry[2]).filter { !gone.contains(String(decoding: $0, as: UTF8.self)) })
      entry[3] = group[3]
      return [entry]
    }
    guard let file else { return nil }
    let present = Set(file.entries.map(\.name))
    let missing = groups.filter { !present.contains($0.name) && $0[1] == [UInt8(ascii: "x")] }
    decisions.remarks += missing.map { .repaired(.group, name: $0.name) }
    let locked = missing.compactMap { group in
      GroupShadowEntry(lockedGroup: group.name).map { entry in
        var entry = entry
        entry[3] = group[3]
        return entry.line
      }
    }
    return locked.isEmpty ? file : AccountFile(lines: file.lines.filter { !$0.isEmpty } + locked)
  }

  private static func shadow(_ group: ThreeWay<GroupShadowEntry?>) -> GroupShadowEntry? {
    guard let live = group.live, var merged = group.new else { return group.live ?? group.new }
    merged[1] = group.field(1, live: live, new: merged, appeared: .live)
    merged[2] = members(ThreeWay(group.pristine?[2] ?? [], live[2], merged[2]))
    return merged
  }

  /// The new list without the members that were removed here, and then the members that were added here.
  private static func members(_ lists: ThreeWay<[UInt8]>) -> [UInt8] {
    let (pristine, live, new) = (names(lists.pristine), names(lists.live), names(lists.new))
    let removed = Set(pristine).subtracting(live)
    let known = Set(pristine).union(new)
    return list(new.filter { !removed.contains($0) } + live.filter { !known.contains($0) })
  }

  private static func names(_ list: [UInt8]) -> [[UInt8]] {
    list.split(separator: UInt8(ascii: ",")).map(Array.init)
  }

  private static func list(_ names: [[UInt8]]) -> [UInt8] { Array(names.joined(separator: [UInt8(ascii: ",")])) }
}
