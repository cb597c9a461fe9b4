/// One of the two trees that are merged.
public enum Side: String, Codable, Hashable, Sendable {
  /// The /etc that is in use, with what was changed in it.
  case live
  /// The /etc of the new generation.
  case new
}
