/// What somebody should know about the accounts of a new deployment.
public enum AccountRemark: Hashable, Sendable {
  /// A file of names: users or groups.
  public enum Kind: String, Codable, Hashable, Sendable {
    /// passwd(5).
    case user
    /// group(5).
    case group
  }

  /// The account was there when the running deployment was made, and the new generation does not have it: it goes.
  case gone(Kind, name: String)
  /// The new generation does not have the account any more; it stays because it was changed here.
  case keptChanged(Kind, name: String)
  /// The account was deleted here and comes back: a system account that the new generation changed.
  case returned(Kind, name: String)
  /// The account has another number in the new generation, which it gets: the registry's. Files have the old one.
  case renumbered(Kind, name: String, live: UInt32, new: UInt32)
  /// Two accounts come to share a number that had a number each in both the running and the new system.
  case shared(Kind, names: [String], id: UInt32)
  /// A user was without a shadow entry, or the reverse; that was put right.
  case repaired(Kind, name: String)
  /// Two users have subordinate numbers in common that had not before.
  case overlap(names: [String])
}
