import SystemPackage

/// The decision about one path below /etc, with its reason.
public struct EtcDecision: Hashable, Sendable {
  /// The result for the new deployment.
  public enum Verdict: String, Codable, Hashable, Sendable {
    /// The version of the new generation, even if it has none.
    case keep
    /// The version of the live /etc.
    case take
    /// Nothing, although the new generation has a file.
    case remove
    /// A merge of both.
    case merge
    /// The version of the live /etc, even if it has none, though the new generation has another one; that is put at
    /// `aside`, if it is a file.
    case conflict
  }

  /// Why.
  public enum Reason: String, Codable, Hashable, Sendable {
    /// All three trees have the same.
    case untouched
    /// Both sides have the same version.
    case sameChange
    /// Only the new generation has changed, added or removed it.
    case changedByGeneration
    /// Only the admin has changed, added or removed it.
    case changedHere
    /// A directory that one side has removed contains files of the other side.
    case stillUsed
    /// The sides have changed different attributes, or one the content and the other an attribute.
    case differentParts
    /// Both have changed the content or the type, or have added different files.
    case changedOnBoth
    /// Both have changed the same attribute: the live one stays.
    case attributesOnBoth
    /// The admin has changed it, the new generation has removed it.
    case changedHereRemovedByGeneration
    /// The admin has removed it, the new generation has changed it.
    case removedHereChangedByGeneration
    /// The file is merged by account: see ``AccountMerge``.
    case accounts
    /// The file is the machine's or the generation's own: see ``MachineFile``.
    case machine
  }

  /// The path, below /etc; empty for /etc itself.
  public let path: FilePath
  /// What the new deployment gets.
  public let verdict: Verdict
  /// Why.
  public let reason: Reason
  /// The path of the new generation's version in a conflict.
  public let aside: FilePath?
}
