/// The treatment of changes in /etc when another generation is deployed.
public enum EtcMode: String, Codable, CaseIterable, Hashable, Sendable {
  /// The changes are merged into the new generation's /etc.
  case merge
  /// The changes are left behind, except for the machine's identity (``MachineFile``) and the accounts
  /// (``AccountMerge``): without them users could not log in, or could with the generation's password.
  case fresh
}
