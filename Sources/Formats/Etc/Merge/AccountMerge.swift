/// The accounts of a new deployment: the accounts of its generation and those made on the running system, with the
/// changes that were made here.
///
/// * An account that was made here stays, one that a package brought is added, one that was deleted here stays deleted.
/// * An account of the system that the new generation does not have is locked and keeps its number; a person's is
///   removed, unless it was changed here.
/// * For a user, password, comment, home and shell changed here win; for a group, members added on either side are
///   added, and members removed on either side are removed. Numbers are the new generation's: those of the registry.
/// * If a name appeared on both sides independently, a person's fields are the live ones, a system account's the new
/// ones.
public struct AccountMerge: Hashable, Sendable {
  /// The accounts of the new deployment.
  public private(set) var merged = AccountFiles()
  /// The remarks about them, in a stable order.
  public private(set) var remarks: [AccountRemark] = []

  /// Merges the accounts of the running deployment, as it was made and as it is, into those of a new generation.
  public init(pristine: AccountFiles, live: AccountFiles, new: AccountFiles) {
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

  /// A user's ranges are one value: the live ones if they were changed here, or if only the live system has the user.
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
