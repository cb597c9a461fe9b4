/// The number of a generation within its node. Numbers grow and are never reused.
public struct GenerationNumber: TreeIdentifier {
  /// The number.
  public let rawValue: Int

  /// The identifier with this number.
  public init(rawValue: Int) {
    self.rawValue = rawValue
  }
}
