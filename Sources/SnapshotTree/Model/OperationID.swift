/// The number of an operation. Numbers are given in the order of creation and never reused.
public struct OperationID: TreeIdentifier {
  /// The number.
  public let rawValue: Int

  /// The identifier with this number.
  public init(rawValue: Int) {
    self.rawValue = rawValue
  }
}
