import SystemPackage

/// What becomes of one path below /etc, and why.
public struct EtcDecision: Hashable, Sendable {
  /// What the new deployment gets.
  public enum Verdict: String, Codable, Hashable, Sendable {
    /// What the new generation has, be it nothing.
    case keep
    /// What the live /etc has.
    case take
    /// Nothing, although the new generation has something.
    case remove
    /// Something of both.
    case merge
    /// What the live /etc has, be it nothing, though the new generation has something else to say; that is found at
    /// `aside`, if it is a file.
    case conflict
  }

  /// Why.
  public enum Reason: String, Codable, Hashable, Sendable {
    /// All three trees have the same.
    case untouched
    /// Both sides have come to the same.
    case sameChange
    /// Only the new generation has changed, added or removed it.
    case changedByGeneration
    /// Only the admin has changed, added or removed it.
    case changedHere
    /// A directory that one side has removed holds something of the other one's.
    case stillUsed
    /// The sides have changed different attributes, or one the content and the other an attribute.
    case differentParts
    /// Both have changed the content or the type, or have added different ones.
    case changedOnBoth
    /// Both have changed the same attribute: the live one stays.
    case attributesOnBoth
    /// The admin has changed it, the new generation has removed it.
    case changedHereRemovedByGeneration
    /// The admin has removed it, the new generation has changed it.
    case removedHereChangedByGeneration
    /// It is merged by account: see ``AccountMerge``.
    case accounts
    /// It is the machine's or the generation's own: see ``MachineFile``.
    case machine
  }

  /// The path, below /etc; empty for /etc itself.
  public let path: FilePath
  /// What the new deployment gets.
  public let verdict: Verdict
  /// Why.
  public let reason: Reason
  /// Where the new generation's version of a conflict is to be found.
  public let aside: FilePath?
}
