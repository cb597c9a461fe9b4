/// The accounts of a new deployment: those of its generation, those that were made on the running system, and of both
/// what was changed here.
///
/// * An account that was made here stays, one that a package brought comes, one that was deleted here stays deleted.
/// * An account that the new generation does not have goes, unless it is a person's and was changed here.
/// * Of a user, password, comment, home and shell changed here win; of a group, members that came on either side
///   come, and those that went on either side go. Numbers are the new generation's: those of the registry.
/// * Where a name appeared on both sides by itself, a person's fields are the live ones, a system account's the new ones.
public struct AccountMerge: Hashable, Sendable {
  /// The accounts of the new deployment.
  public private(set) var merged = AccountDatabase()
  /// What should be known about them, in a stable order.
  public private(set) var remarks: [AccountRemark] = []

  /// Merges the accounts of the running deployment, as it was made and as it is, into those of a new generation.
  public init(pristine: AccountDatabase, live: AccountDatabase, new: AccountDatabase) {
    var decisions = AccountDecisions()
    let users = UserMerge(pristine: pristine, live: live, new: new, &decisions)
    let groups = GroupMerge(pristine: pristine, live: live, new: new, users: users, &decisions)
    merged.passwd = users.passwd
    merged.shadow = users.shadow
    merged.group = groups.group
    merged.gshadow = groups.gshadow
    merged.subuid = Self.ranges(LineMerge(pristine.subuid, live.subuid, new.subuid), users, &decisions)
    merged.subgid = Self.ranges(LineMerge(pristine.subgid, live.subgid, new.subgid), users, &decisions)
    remarks = decisions.remarks
  }

  /// A user's ranges are one value: the live ones where they were changed here, or where the user is only here.
  private static func ranges(
    _ merge: LineMerge<SubordinateEntry>, _ users: UserMerge, _ decisions: inout AccountDecisions
  ) -> AccountFile<SubordinateEntry>? {
    let file = merge.file { name in
      guard !users.gone.contains(name) else { return [] }
      let lines = merge.lines(name)
      return users.onlyLive.contains(name) ? lines.live : lines.liveFirst
    }
    let entries = file?.entries.sorted { $0.range.lowerBound < $1.range.lowerBound } ?? []
    for (lower, upper) in zip(entries, entries.dropFirst()) where lower.name != upper.name {
      let before = [merge.lines(lower.name), merge.lines(upper.name)]
      let isNew = before.contains { $0.live.isEmpty } && before.contains { $0.new.isEmpty }
      if isNew, lower.range.overlaps(upper.range) {
        decisions.remarks.append(.overlap(names: [lower.name, upper.name]))
      }
    }
    return file
  }
}
