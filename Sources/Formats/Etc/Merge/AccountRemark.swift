/// A remark for the administrator about the accounts of a new deployment.
public enum AccountRemark: Hashable, Sendable {
  /// A file of names: users or groups.
  public enum Kind: String, Codable, Hashable, Sendable {
    /// passwd(5).
    case user
    /// group(5).
    case group
  }

  /// The account of a person was there when the running deployment was made, and the new generation does not have it:
  /// it is removed.
  case gone(Kind, name: String)
  /// The new generation does not have this account of the system any more: it stays, locked, so that its number is not
  /// given to another one.
  case locked(Kind, name: String)
  /// The new generation does not have the account any more; it stays because it was changed here.
  case keptChanged(Kind, name: String)
  /// The account was deleted here and is back: a system account that the new generation changed.
  case returned(Kind, name: String)
  /// The account gets the number it has in the new generation, which is the registry's. Files have the old number.
  case renumbered(Kind, name: String, live: UInt32, new: UInt32)
  /// Two accounts now share a number, though each had its own in both the running and the new system.
  case shared(Kind, names: [String], id: UInt32)
  /// A user had no shadow entry, or the reverse; that was corrected.
  case repaired(Kind, name: String)
  /// Two users now have subordinate numbers in common.
  case overlap(names: [String])
}
