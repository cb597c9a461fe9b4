/// The number of a node. Numbers are given in the order of creation and never reused.
public struct NodeID: TreeIdentifier {
  /// The number.
  public let rawValue: Int

  /// The identifier with this number.
  public init(rawValue: Int) {
    self.rawValue = rawValue
  }

  /// Node 0, which only `base-update` changes.
  public static let base = NodeID(0)
}
