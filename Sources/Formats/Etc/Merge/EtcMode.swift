/// What becomes of what was changed in /etc when another generation is deployed.
public enum EtcMode: String, Codable, CaseIterable, Hashable, Sendable {
  /// It is merged into the new generation's /etc.
  case merge
  /// It is left behind. The machine's identity (``MachineFile``) and the accounts (``AccountMerge``) are not: without
  /// them nobody could log in, or somebody with the generation's password.
  case fresh
}
