import FileTrees

/// The attributes of a file that both trees have, each merged by itself. If both sides changed one, the live one stays.
struct AttributeMerge {
  private(set) var merged: FileAttributes
  /// Whether both sides changed an attribute in different ways.
  private(set) var isConflict = false

  /// Permissions and access control list are one thing: with a list, the group bits of the mode are its mask (acl(5)).
  private struct Permissions: Equatable {
    let mode: UInt32
    let list: [UInt8]?

    init(_ attributes: FileAttributes) {
      mode = attributes.mode
      list = attributes.xattrs[Permissions.listName]
    }

    func isWider(than other: Permissions) -> Bool { mode & ~other.mode & 0o077 != 0 || list != other.list }

    static let listName = "system.posix_acl_access"
  }

  /// The pristine attributes are nil if the file did not exist, or had another type.
  ///
  /// The admin's content may be a secret: with `contentIsLive`, permissions do not become wider because the package's
  /// own content is no longer one.
  init(_ pristine: FileAttributes?, _ live: FileAttributes, _ new: FileAttributes, contentIsLive: Bool) {
    merged = new
    merged.owner = choose(pristine?.owner, live.owner, new.owner)
    merged.group = choose(pristine?.group, live.group, new.group)
    var permissions = choose(pristine.map(Permissions.init), Permissions(live), Permissions(new))
    if contentIsLive, permissions.isWider(than: Permissions(live)) { permissions = Permissions(live) }
    merged.mode = permissions.mode
    for name in Set(live.xattrs.keys).union(new.xattrs.keys) where name != Permissions.listName {
      merged.xattrs[name] = choose(pristine.map { $0.xattrs[name] }, live.xattrs[name], new.xattrs[name])
    }
    merged.xattrs[Permissions.listName] = permissions.list
    merged.protection = choose(pristine?.protection, live.protection, new.protection)
  }

  private mutating func choose<Value: Equatable>(_ pristine: Value?, _ live: Value, _ new: Value) -> Value {
    let versions = ThreeWay(pristine, live, new)
    if versions.winner == .neither { isConflict = true }
    return versions.winner == .new ? new : live
  }
}
